/** Delivery methods: consumers, gets, settlements and prefetch. */

import { comparedArguments } from '../arguments/queue-equivalence.ts';
import { DIRECT_REPLY_TO } from './reply-queue.ts';
import { fieldOf, integerOfField, type FieldTable } from '../codec/field-table.ts';
import type { MethodFields, MethodName } from '../codec/methods.ts';
import { isPortError, portError, type PortError } from '../reply-codes.ts';
import { ChannelConsumer, routeOf } from './consumer/channel-consumer.ts';
import type { End, Handlers } from './channel-host.ts';
import type { DeliveryState } from './consumer/delivery-state.ts';
import { named } from './topology-methods.ts';

type DeliveryMethod = Extract<
  MethodName,
  | 'basic.qos'
  | 'basic.consume'
  | 'basic.cancel'
  | 'basic.get'
  | 'basic.ack'
  | 'basic.nack'
  | 'basic.reject'
  | 'basic.recover'
  | 'basic.recover-async'
>;

export const deliveryMethods: Handlers<DeliveryState, DeliveryMethod> = {
  'basic.qos': (state, { prefetchSize, prefetchCount, global }, end) => {
    if (prefetchSize !== 0) return end(portError('not-implemented', 'prefetch_size!=0'));
    // RabbitMQ takes `global` for all consumers of the channel, and the specification its absence.
    if (global || state.host.sharesPrefetch) state.channelPrefetch.limit = prefetchCount;
    else state.prefetch = prefetchCount;
    state.host.send('basic.qos-ok', {});
    return end();
  },

  'basic.consume': (state, fields, end) => {
    if (fields.queue === DIRECT_REPLY_TO) return consumeReplies(state, fields, end);
    const queue = named(state, fields.queue);
    const problem = isPortError(queue) ? queue : absentConsume(fields);
    if (problem !== null || isPortError(queue)) return end(problem);
    return consume(state, fields, queue, end);
  },

  'basic.cancel': (state, { consumerTag, noWait }, end) => {
    const { host, consumers } = state;
    if (state.replies?.consumerTag === consumerTag) state.replies = null;
    const consumer = consumers.get(consumerTag);
    consumers.delete(consumerTag);
    consumer?.running?.cancel();
    if (!noWait) host.send('basic.cancel-ok', { consumerTag });
    return end();
  },

  'basic.get': (state, fields, end) => {
    const queue = named(state, fields.queue);
    if (isPortError(queue)) return end(queue);
    const { host, unsettled } = state;
    return host.port.get(queue, (got) => {
      if (isPortError(got)) return end(got);
      if (state.isOver) return got?.delivery.settle('requeue');
      if (got === null) host.send('basic.get-empty', { clusterId: '' });
      else {
        const { delivery, messageCount } = got;
        const deliveryTag = fields.noAck ? unsettled.tagSettled() : unsettled.add(delivery);
        host.sendContent('basic.get-ok', { deliveryTag, ...routeOf(delivery), messageCount }, delivery);
        if (fields.noAck) delivery.settle('ack');
      }
      return end();
    });
  },

  'basic.ack': (state, { deliveryTag, multiple }, end) => settle(state, deliveryTag, multiple, 'ack', end),

  'basic.nack': (state, { deliveryTag, multiple, requeue }, end) =>
    settle(state, deliveryTag, multiple, requeue ? 'requeue' : 'reject', end),

  'basic.reject': (state, { deliveryTag, requeue }, end) =>
    settle(state, deliveryTag, false, requeue ? 'requeue' : 'reject', end),

  'basic.recover': (state, { requeue }, end) => recover(state, requeue, true, end),

  'basic.recover-async': (state, { requeue }, end) => recover(state, requeue, false, end),
};

function consume(state: DeliveryState, fields: MethodFields<'basic.consume'>, queue: string, end: End): void {
  const { host, consumers } = state;
  const consumerTag = fields.consumerTag || host.port.uniqueName('amq.ctag-');
  if (consumers.has(consumerTag)) {
    return end(portError('not-allowed', `attempt to reuse consumer tag '${consumerTag}'`));
  }
  const { exclusive, noAck, arguments: given } = fields;
  const priority = priorityOf(given) ?? 0;
  const consumer = new ChannelConsumer(state, consumerTag, noAck);
  const about = { queue, noAck, exclusive, prefetch: state.prefetch, arguments: given };
  consumers.set(consumerTag, { about, running: null });
  return host.port.consume(
    { queue, prefetch: consumer.prefetch, exclusive, priority },
    consumer,
    (opened) => {
      if (isPortError(opened)) {
        consumers.delete(consumerTag);
        consumer.cancel();
        return end(opened);
      }
      if (state.isOver) return opened.cancel();
      consumers.set(consumerTag, { about, running: consumer });
      if (!fields.noWait) host.send('basic.consume-ok', { consumerTag });
      consumer.begin(opened);
      return end();
    },
  );
}

/** Replies come without acks, through a queue that is the channel's own and goes with this consumer. */
function consumeReplies(state: DeliveryState, fields: MethodFields<'basic.consume'>, end: End): void {
  if (!fields.noAck) return end(portError('precondition-failed', 'reply consumer cannot acknowledge'));
  if (state.replies !== null) return end(portError('precondition-failed', 'reply consumer already set'));
  const { port } = state.host;
  const queue = port.uniqueName(`${DIRECT_REPLY_TO}.`);
  const consumerTag = fields.consumerTag || port.uniqueName('amq.ctag-');
  state.replies = { queue, consumerTag };
  const compared = comparedArguments({ durable: false, autoDelete: true }, []);
  const spec = { queue, exclusive: true, autoDelete: true, arguments: {}, compared };
  port.declareQueue(spec, (declared) => {
    if (!isPortError(declared)) return consume(state, { ...fields, consumerTag }, queue, end);
    state.replies = null;
    return end(declared);
  });
}

/** `no_local` and these have no effect with RabbitMQ's queues either, but for the priority. */
const KNOWN_ARGUMENTS = new Set(['x-priority', 'x-cancel-on-ha-failover']);

/** The priority of a consumer; undefined if it is no integer. */
function priorityOf(given: FieldTable): number | undefined {
  const field = fieldOf(given, 'x-priority');
  return field === undefined ? 0 : integerOfField(field);
}

function absentConsume({ arguments: given }: MethodFields<'basic.consume'>): PortError | null {
  if (priorityOf(given) === undefined) return portError('precondition-failed', "invalid arg 'x-priority'");
  const unknown = given.find(([name]) => name.startsWith('x-') && !KNOWN_ARGUMENTS.has(name));
  return unknown ? portError('not-implemented', `consumer argument '${unknown[0]}'`) : null;
}

function settle(
  { unsettled, transaction }: DeliveryState,
  tag: number,
  multiple: boolean,
  settlement: 'ack' | 'requeue' | 'reject',
  end: End,
): void {
  const deliveries = unsettled.take(tag, multiple);
  if (deliveries === null) return end(portError('precondition-failed', `unknown delivery tag ${tag}`));
  if (transaction !== null) transaction.settle(deliveries, settlement);
  else for (const { settle: one } of deliveries) one(settlement);
  return end();
}

function recover({ host, unsettled }: DeliveryState, requeue: boolean, replies: boolean, end: End): void {
  if (!requeue) return end(portError('not-implemented', 'recovery to the same consumer (requeue=false)'));
  for (const { settle: one } of unsettled.takeAll()) one('requeue');
  if (replies) host.send('basic.recover-ok', {});
  return end();
}
