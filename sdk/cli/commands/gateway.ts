/** `posthorn gateway`: lets clients of other brokers talk to this one, until Ctrl-C. It is a process of its own, which ends with the command. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PARTITIONS_MAX } from '../../../protocol/limits.ts';
import type { Flag } from '../arguments/flag.ts';
import type { Command, Context } from '../command.ts';
import { targetOf } from '../connection/connection.ts';
import type { Outcome } from '../exit-codes.ts';
import { runScript } from '../runtime/child-process.ts';

/** As `gateway/options.ts` takes them. */
export const GATEWAY_FLAGS: readonly Flag[] = [
  { name: 'host', kind: 'text', about: 'Where to listen. Default 127.0.0.1' },
  port('amqp', 'The port for AMQP 0-9-1; 0: any free port. Default 5672, without --kafka'),
  port('amqps', 'The port for AMQP 0-9-1 with TLS as well, with --tls-cert and --tls-key'),
  { name: 'tls-cert', kind: 'text', about: 'The file of the certificate for TLS, with its chain, in PEM' },
  { name: 'tls-key', kind: 'text', about: 'The file of its key, in PEM' },
  port('management', "The port for RabbitMQ's management API as well; with RabbitMQ it is 15672"),
  port('kafka', "The port for Kafka's protocol; 0: any free port"),
  port('kafkas', "The port for Kafka's protocol with TLS as well, with --tls-cert and --tls-key"),
  {
    name: 'kafka-advertise',
    kind: 'text',
    about:
      "host:port that Kafka's clients are told to connect to. Default: the address that they have dialled",
  },
  {
    name: 'kafkas-advertise',
    kind: 'text',
    about: 'The same for those that have come with TLS',
  },
  {
    name: 'kafka-partitions',
    kind: 'number',
    min: 1,
    max: PARTITIONS_MAX,
    about: "Partitions of a topic that is made and does not say how many (Kafka's num.partitions). Default 1",
  },
  {
    name: 'kafka-auto-create',
    kind: 'boolean',
    about: "Make topics that Kafka's clients ask for and that are not there",
  },
];

export const gatewayCommand: Command = {
  words: ['gateway'],
  about: 'Let clients of AMQP and Kafka talk to a broker, here or deployed, until Ctrl-C',
  load: () => ({
    args: [],
    flags: GATEWAY_FLAGS,
    notes: [
      "Clients log in with a token as their password. A broker without tokens on this machine takes guest with the password guest by AMQP, and Kafka's clients without a login.",
      "--namespace is that of Kafka's clients that do not say another.",
    ],
    run: gateway,
  }),
};

function port(name: string, about: string): Flag {
  return { name, kind: 'number', min: 0, max: 65_535, about };
}

async function gateway(context: Context): Promise<Outcome> {
  const { flags, io } = context;
  const { url, namespace } = targetOf(flags, io.env);
  const own = GATEWAY_FLAGS.flatMap(({ name }) => {
    const value = flags.get(name);
    if (typeof value === 'string' || typeof value === 'number') return [`--${name}`, `${value}`];
    return value === true ? [`--${name}`] : [];
  });
  return await runScript(context, 'the gateway', {
    node: process.execPath,
    args: [gatewayScript(), '--url', url, '--kafka-namespace', namespace, ...own],
    env: io.env,
  });
}

/** In the package it is built. */
function gatewayScript(): string {
  const built = join(import.meta.dirname, 'gateway.js');
  return existsSync(built) ? built : join(import.meta.dirname, '../../../gateway/main.ts');
}
