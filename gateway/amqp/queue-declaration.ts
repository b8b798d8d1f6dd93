/** Queue declaration: the settings of a queue that an AMQP client declares. What AMQP cannot say is as RabbitMQ has it. */

import { PRIORITY_MAX } from '../../protocol/limits.ts';
import { isWideName } from '../../protocol/name-rule.ts';
import type { DeadLetterSettings, QueueDeclaration } from '../../sdk/admin/queue-types.ts';
import type { QueueSpec } from '../../wire/amqp/broker-port.ts';
import type { QueueArguments } from '../../wire/amqp/arguments/queue-arguments.ts';
import { portError, type PortError } from '../../wire/amqp/reply-codes.ts';

/** A queue that expires sooner expires after this, in ms: the broker's shortest time. */
const EXPIRES_MS_MIN = 1_000;

/**
 * Expiry of an exclusive queue, in ms. A gateway that is killed cannot delete it. One that lives keeps it by a stream, and opens a
 * stream that was cut off again before this time is over.
 */
const EXCLUSIVE_EXPIRES_MS = 20_000;

/** Failed deliveries before a message dies, if the client sets no limit: the broker's most. */
export const DELIVERY_LIMIT_MAX = 100;

/** As the broker names default exchange where a name has to stand. */
const DEFAULT_EXCHANGE = 'amq.default';

export function queueDeclarationOf(spec: QueueSpec): QueueDeclaration | PortError {
  const { arguments: given, exclusive, autoDelete } = spec;
  const deadLetter = deadLetterOf(given);
  if ('reply' in Object(deadLetter)) return deadLetter as PortError;
  const expiresMs = exclusive
    ? Math.min(given.expiresMs ?? Infinity, EXCLUSIVE_EXPIRES_MS)
    : (given.expiresMs ?? null);
  return {
    maxPriority: Math.min(given.maxPriority ?? 0, PRIORITY_MAX),
    messageTtlMs: given.messageTtlMs ?? null,
    expiresMs: expiresMs === null ? null : Math.max(expiresMs, EXPIRES_MS_MIN),
    maxLength: given.maxLength ?? null,
    maxBytes: given.maxBytes ?? null,
    overflow: given.overflow ?? 'drop-head',
    singleActiveConsumer: given.singleActiveConsumer ?? false,
    retry: immediateRetries(given.deliveryLimit ?? DELIVERY_LIMIT_MAX),
    deadLetter: deadLetter as DeadLetterSettings,
    autoDelete,
  };
}

/** A requeued message is delivered again at once. */
const immediateRetries = (limit: number): NonNullable<QueueDeclaration['retry']> => ({
  baseMs: 0,
  factor: 1,
  maxMs: 0,
  jitter: 0,
  attempts: Math.min(limit, DELIVERY_LIMIT_MAX),
});

function deadLetterOf(given: QueueArguments): DeadLetterSettings | PortError {
  const { deadLetterExchange: exchange, deadLetterRoutingKey: routingKey } = given;
  if (exchange === undefined) return 'none';
  if (exchange === '' && routingKey !== undefined && isWideName(routingKey)) return { queue: routingKey };
  if (exchange !== '' && !isWideName(exchange)) {
    return portError('not-implemented', `a dead-letter exchange named '${exchange}'`);
  }
  const target = { exchange: exchange || DEFAULT_EXCHANGE };
  return routingKey === undefined ? target : { ...target, routingKey };
}

/** Settings that the client has not asked for. Somebody may have set them otherwise over HTTP. */
export function unaskedSettings({ arguments: given, exclusive }: QueueSpec): Set<string> {
  const unasked = new Set<string>();
  if (given.deliveryLimit === undefined) unasked.add('retry');
  if (given.deadLetterExchange === undefined) unasked.add('dead_letter');
  if (given.expiresMs === undefined && exclusive) unasked.add('expires_ms');
  return unasked;
}
