/** Shown: queues, exchanges and bindings as the management API shows them. */

import type { Binding, Exchange, PolicySettings } from '../../sdk/admin/exchange-types.ts';
import type { Queue, QueueStatus } from '../../sdk/admin/queue-types.ts';
import { defaultDeadLetterQueue } from '../../protocol/names/name-rule.ts';
import { DELIVERY_LIMIT_MAX } from '../amqp/queues/queue-declaration.ts';

export const NODE = 'posthorn@gateway';

/** As definitions have it. */
export function definedQueue(queue: Omit<Queue, 'topologyVersion'>, vhost: string) {
  return {
    name: queue.queue,
    vhost,
    durable: true,
    auto_delete: queue.autoDelete,
    arguments: argumentsOfQueue(queue),
  };
}

export function shownQueue(queue: Omit<Queue, 'topologyVersion'>, vhost: string, state: QueueStatus | null) {
  const { ready = 0, leased = 0, parked = 0, consumers = 0, bytes = 0 } = state ?? {};
  return {
    ...definedQueue(queue, vhost),
    exclusive: false,
    type: 'classic',
    node: NODE,
    state: 'running',
    policy: null,
    operator_policy: null,
    effective_policy_definition: {},
    exclusive_consumer_tag: null,
    single_active_consumer_tag: null,
    messages: ready + leased + parked,
    messages_ready: ready,
    messages_unacknowledged: leased,
    message_bytes: bytes,
    messages_persistent: ready + leased + parked,
    message_bytes_persistent: bytes,
    consumers,
  };
}

type Shown = Record<string, string | number | boolean>;

function argumentsOfQueue(queue: Omit<Queue, 'topologyVersion'>): Shown {
  const { singleActiveConsumer, overflow, maxPriority } = queue;
  const isLimited = queue.maxLength !== null || queue.maxBytes !== null;
  const settings = settingsOf({
    ...queue,
    overflow: isLimited && overflow !== 'drop-head' ? overflow : undefined,
    deadLetter: queue.deadLetter ?? { queue: defaultDeadLetterQueue(queue.queue) },
  });
  return {
    ...(maxPriority > 0 && { 'x-max-priority': maxPriority }),
    ...(singleActiveConsumer && { 'x-single-active-consumer': true }),
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`x-${name}`, value])),
  };
}

/** What a queue and a policy can both set, by the names that policies of RabbitMQ have for it. */
export function settingsOf(settings: {
  [Name in keyof PolicySettings]: PolicySettings[Name] | undefined;
}): Shown {
  const { retry, deadLetter } = settings;
  const isLimit = retry && 'baseMs' in retry && retry.maxMs === 0 && retry.attempts < DELIVERY_LIMIT_MAX;
  const all = {
    'message-ttl': settings.messageTtlMs,
    expires: settings.expiresMs,
    'max-length': settings.maxLength,
    'max-length-bytes': settings.maxBytes,
    overflow: settings.overflow,
    'delivery-limit': isLimit ? retry.attempts : null,
    ...deadLettersOf(deadLetter),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value != null)) as Shown;
}

/** A policy may say that each queue has a dead-letter queue of its own, which RabbitMQ has no word for. */
function deadLettersOf(target: Queue['deadLetter'] | undefined): Record<string, string | undefined> {
  if (target == null || target === 'none') return {};
  const [exchange, key] =
    'queue' in target
      ? ['', target.queue]
      : [target.exchange === 'amq.default' ? '' : target.exchange, target.routingKey];
  return { 'dead-letter-exchange': exchange, 'dead-letter-routing-key': key };
}

export function shownExchange(exchange: Omit<Exchange, 'topologyVersion'>, vhost: string) {
  const { alternateExchange, hashHeader, type } = exchange;
  return {
    name: exchange.exchange === 'amq.default' ? '' : exchange.exchange,
    vhost,
    type: type === 'consistent-hash' ? 'x-consistent-hash' : type,
    durable: true,
    auto_delete: exchange.autoDelete,
    internal: exchange.internal,
    arguments: {
      ...(alternateExchange !== null && { 'alternate-exchange': alternateExchange }),
      ...(hashHeader !== null && { 'hash-header': hashHeader }),
    },
  };
}

/** Null for a binding to a topic, which RabbitMQ does not have. */
export function shownBinding(
  { id, source, destination, routingKey, arguments: given }: Binding,
  vhost: string,
) {
  if ('topic' in destination) return null;
  const isPlain = Object.keys(given).length === 0;
  return {
    source,
    vhost,
    destination: 'queue' in destination ? destination.queue : destination.exchange,
    destination_type: 'queue' in destination ? 'queue' : 'exchange',
    routing_key: routingKey,
    arguments: given,
    properties_key: isPlain
      ? encodeURIComponent(routingKey) || '~'
      : `${encodeURIComponent(routingKey)}~${id}`,
  };
}

/** Every queue is bound to the default exchange by its name, and nobody can change that. */
export const defaultBinding = (
  queue: string,
  vhost: string,
): NonNullable<ReturnType<typeof shownBinding>> => ({
  source: '',
  vhost,
  destination: queue,
  destination_type: 'queue',
  routing_key: queue,
  arguments: {},
  properties_key: encodeURIComponent(queue),
});
