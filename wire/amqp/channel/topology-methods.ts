/** Topology methods: exchanges, queues and bindings. */

import { readExchangeSpec } from '../arguments/exchange-arguments.ts';
import { readQueueArguments } from '../arguments/queue-arguments.ts';
import { comparedArguments } from '../arguments/queue-equivalence.ts';
import type { BindingSpec } from '../broker-port.ts';
import type { MethodFields, MethodName } from '../codec/methods.ts';
import { isPortError, portError, type PortError } from '../reply-codes.ts';
import type { ChannelState, End, Handlers } from './channel-host.ts';
import { DIRECT_REPLY_TO } from './reply-queue.ts';

type TopologyMethod = Extract<
  MethodName,
  | 'exchange.declare'
  | 'exchange.delete'
  | 'exchange.bind'
  | 'exchange.unbind'
  | 'queue.declare'
  | 'queue.bind'
  | 'queue.unbind'
  | 'queue.purge'
  | 'queue.delete'
>;

const RESERVED_PREFIX = 'amq.';
const PREDECLARED = new Set(['amq.direct', 'amq.fanout', 'amq.topic', 'amq.headers', 'amq.match']);

export const topologyMethods: Handlers<ChannelState, TopologyMethod> = {
  'exchange.declare': ({ host }, given, end) => {
    const fields = { ...given, exchange: inOneLine(given.exchange) };
    const { exchange, passive, noWait } = fields;
    const done = replied(end, () => noWait || host.send('exchange.declare-ok', {}));
    if (exchange === '') return end(refuseDefault());
    if (passive) return host.port.checkExchange(exchange, done);
    if (exchange.startsWith(RESERVED_PREFIX) && !PREDECLARED.has(exchange)) {
      return end(reserved('exchange', exchange));
    }
    const spec = readExchangeSpec(fields);
    return isPortError(spec) ? end(spec) : host.port.declareExchange(spec, done);
  },

  'exchange.delete': ({ host }, { exchange: given, ifUnused, noWait }, end) => {
    const exchange = inOneLine(given);
    if (exchange === '') return end(refuseDefault());
    if (exchange.startsWith(RESERVED_PREFIX)) return end(reserved('exchange', exchange));
    const done = replied(end, () => noWait || host.send('exchange.delete-ok', {}));
    return host.port.deleteExchange(exchange, ifUnused, done);
  },

  'exchange.bind': ({ host }, fields, end) => {
    if (fields.source === '' || fields.destination === '') return end(refuseDefault());
    const done = replied(end, () => fields.noWait || host.send('exchange.bind-ok', {}));
    return host.port.bind(exchangeBinding(fields), done);
  },

  'exchange.unbind': ({ host }, fields, end) => {
    if (fields.source === '' || fields.destination === '') return end(refuseDefault());
    const done = replied(end, () => fields.noWait || host.send('exchange.unbind-ok', {}));
    return host.port.unbind(exchangeBinding(fields), done);
  },

  'queue.declare': (state, given, end) => {
    const { host } = state;
    const fields = { ...given, queue: inOneLine(given.queue) };
    const { passive, exclusive, autoDelete, noWait } = fields;
    const queue =
      fields.queue === '' && !passive ? host.port.uniqueName('amq.gen-') : named(state, fields.queue);
    if (isPortError(queue)) return end(queue);
    const done = replied<{ messageCount: number; consumerCount: number }>(end, (counts) => {
      state.lastQueue = queue;
      if (!noWait) host.send('queue.declare-ok', { queue, ...counts });
    });
    // The pseudo-queue for direct replies is there for everybody.
    if (queue === DIRECT_REPLY_TO) return done({ messageCount: 0, consumerCount: 1 });
    if (passive) return host.port.checkQueue(queue, done);
    if (fields.queue.startsWith(RESERVED_PREFIX)) {
      // A server-named queue may be declared again by the name that it got; it has to be there.
      return host.port.checkQueue(queue, (counts) =>
        isPortError(counts) && counts.reply === 'not-found' ? end(reserved('queue', queue)) : done(counts),
      );
    }
    const args = readQueueArguments(queue, fields.arguments);
    if (isPortError(args)) return end(args);
    const compared = comparedArguments(fields, fields.arguments);
    return host.port.declareQueue({ queue, exclusive, autoDelete, arguments: args, compared }, done);
  },

  'queue.bind': (state, fields, end) => {
    const binding = queueBinding(state, fields);
    if (isPortError(binding)) return end(binding);
    const { host } = state;
    return host.port.bind(
      binding,
      replied(end, () => fields.noWait || host.send('queue.bind-ok', {})),
    );
  },

  'queue.unbind': (state, fields, end) => {
    const binding = queueBinding(state, fields);
    if (isPortError(binding)) return end(binding);
    const { host } = state;
    return host.port.unbind(
      binding,
      replied(end, () => host.send('queue.unbind-ok', {})),
    );
  },

  'queue.purge': (state, fields, end) => {
    const queue = named(state, fields.queue);
    if (isPortError(queue)) return end(queue);
    return state.host.port.purgeQueue(
      queue,
      replied<number>(end, (messageCount) => {
        if (!fields.noWait) state.host.send('queue.purge-ok', { messageCount });
      }),
    );
  },

  'queue.delete': (state, fields, end) => {
    const queue = named(state, fields.queue);
    if (isPortError(queue)) return end(queue);
    return state.host.port.deleteQueue(
      queue,
      fields,
      replied<number>(end, (messageCount) => {
        if (!fields.noWait) state.host.send('queue.delete-ok', { messageCount });
      }),
    );
  },
};

/** Replies to a call that succeeded, then ends the method. */
function replied<Value>(end: End, reply: (value: Value) => unknown): (answer: Value | PortError) => void {
  return (answer) => {
    if (isPortError(answer)) return end(answer);
    reply(answer);
    end();
  };
}

/** RabbitMQ leaves line breaks out of names: programs that read names from files declare the same as others. */
const inOneLine = (name: string): string => name.replaceAll(/[\r\n]/g, '');

/** The name of a queue, or that of the queue that the channel declared last. */
export function named({ lastQueue }: ChannelState, given: string): string | PortError {
  const queue = inOneLine(given);
  if (queue !== '') return queue;
  return lastQueue === '' ? portError('not-found', 'no previously declared queue') : lastQueue;
}

const exchangeBinding = (fields: MethodFields<'exchange.bind'>): BindingSpec => ({
  source: inOneLine(fields.source),
  destination: { exchange: inOneLine(fields.destination) },
  routingKey: fields.routingKey,
  arguments: fields.arguments,
});

function queueBinding(
  state: ChannelState,
  fields: Pick<MethodFields<'queue.bind'>, 'queue' | 'exchange' | 'routingKey' | 'arguments'>,
): BindingSpec | PortError {
  const queue = named(state, fields.queue);
  if (isPortError(queue)) return queue;
  if (fields.exchange === '') return refuseDefault();
  const routingKey = fields.queue === '' && fields.routingKey === '' ? queue : fields.routingKey;
  return {
    source: inOneLine(fields.exchange),
    destination: { queue },
    routingKey,
    arguments: fields.arguments,
  };
}

const refuseDefault = (): PortError =>
  portError('access-refused', 'operation not permitted on the default exchange');

const reserved = (what: string, name: string): PortError =>
  portError('access-refused', `${what} name '${name}' contains reserved prefix 'amq.*'`);
