/** Code of the AMQP gateway, as a function that takes its globals as parameters, like that of machines (platform/bundle.ts). */

import { compileFunction } from 'node:vm';
import type { AmqpSession } from '../../../gateway/amqp/connection/amqp-session.ts';
import type { BrokerClients } from '../../../gateway/amqp/connection/broker-clients.ts';
import type { ExclusiveQueues } from '../../../gateway/amqp/queues/exclusive-queues.ts';
import type { QueueConsumers } from '../../../gateway/amqp/queues/queue-consumers.ts';
import type { QueueEndings } from '../../../gateway/amqp/queues/queue-endings.ts';
import type { SocketRefused } from '../../../sdk/client/sockets/socket.ts';
import { bundledSource, kept, type Globals, type Patch } from '../platform/bundle.ts';

/** What a gateway is made of. */
export interface GatewayModules {
  AmqpSession: typeof AmqpSession;
  BrokerClients: typeof BrokerClients;
  ExclusiveQueues: typeof ExclusiveQueues;
  QueueConsumers: typeof QueueConsumers;
  QueueEndings: typeof QueueEndings;
  SocketRefused: typeof SocketRefused;
}

export interface GatewayCode {
  start(globals: Globals): GatewayModules;
}

const ENTRY = [
  "export { AmqpSession } from './gateway/amqp/connection/amqp-session.ts';",
  "export { BrokerClients } from './gateway/amqp/connection/broker-clients.ts';",
  "export { ExclusiveQueues } from './gateway/amqp/queues/exclusive-queues.ts';",
  "export { QueueConsumers } from './gateway/amqp/queues/queue-consumers.ts';",
  "export { QueueEndings } from './gateway/amqp/queues/queue-endings.ts';",
  "export { SocketRefused } from './sdk/client/sockets/socket.ts';",
].join('\n');

/** The names of the globals that the code is given. */
export const GATEWAY_GLOBALS = [
  'globalThis',
  'Date',
  'Math',
  'crypto',
  'performance',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'console',
] as const;

const codes = new Map<string, Promise<GatewayCode>>();

const isOfGateway = ({ file }: Patch): boolean => /^(gateway|wire|sdk|protocol)\//.test(file);

export function gatewayCode(patches: readonly Patch[]): Promise<GatewayCode> {
  const own = patches.filter(isOfGateway);
  return kept(codes, JSON.stringify(own), () => build(own));
}

async function build(patches: readonly Patch[]): Promise<GatewayCode> {
  const code = await bundledSource(ENTRY, patches);
  const compiled = compileFunction(code, ['module', 'exports', ...GATEWAY_GLOBALS], {
    filename: 'gateway.js',
  }) as (...values: unknown[]) => void;
  return {
    start: (globals) => {
      const module = { exports: {} };
      compiled(module, module.exports, ...GATEWAY_GLOBALS.map((name) => globals[name]));
      return module.exports as GatewayModules;
    },
  };
}
