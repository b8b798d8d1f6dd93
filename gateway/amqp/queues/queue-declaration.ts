/** Queue declaration: the settings of a queue that an AMQP client declares. What AMQP cannot say is as RabbitMQ has it. */

import { PRIORITY_MAX } from '../../../protocol/limits.ts';
import { isWideName } from '../../../protocol/names/name-rule.ts';
import type { PolicySettings } from '../../../sdk/admin/exchange-types.ts';
import type { DeadLetterSettings, QueueDeclaration } from '../../../sdk/admin/queue-types.ts';
import type { PosthornError } from '../../../sdk/errors.ts';
import type { QueueSpec } from '../../../wire/amqp/broker-port.ts';
import type { QueueArguments } from '../../../wire/amqp/arguments/queue-arguments.ts';
import {
  inequivalence,
  readCompared,
  textOfCompared,
} from '../../../wire/amqp/arguments/queue-equivalence.ts';
import { isPortError, portError, type PortError } from '../../../wire/amqp/reply-codes.ts';
import { portErrorOf } from '../broker-errors.ts';

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
  const { arguments: given, compared, exclusive, autoDelete } = spec;
  const asked = askedSettings(given);
  if (isPortError(asked)) return asked;
  const expiresMs = exclusive
    ? Math.min(given.expiresMs ?? Infinity, EXCLUSIVE_EXPIRES_MS)
    : (given.expiresMs ?? null);
  return {
    ...WITHOUT_ARGUMENTS,
    ...asked,
    maxPriority: Math.min(given.maxPriority ?? 0, PRIORITY_MAX),
    expiresMs,
    singleActiveConsumer: given.singleActiveConsumer ?? false,
    autoDelete,
    // As in RabbitMQ, where a policy sets what arguments have not.
    unlessPolicy: (['overflow', 'retry', 'deadLetter'] as const)
      .filter((name) => asked[name] === undefined)
      .map((name) => (name === 'deadLetter' ? 'dead_letter' : name)),
    annotation: textOfCompared(compared),
  };
}

/** What arguments ask for of that which a policy can set as well. */
export function askedSettings(given: QueueArguments): PolicySettings | PortError {
  const { messageTtlMs, expiresMs, maxLength, maxBytes, overflow, deliveryLimit } = given;
  const deadLetter = deadLetterOf(given);
  if (isPortError(deadLetter)) return deadLetter;
  return {
    ...(messageTtlMs !== undefined && { messageTtlMs }),
    ...(expiresMs !== undefined && { expiresMs }),
    ...(maxLength !== undefined && { maxLength }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(overflow !== undefined && { overflow }),
    ...(deliveryLimit !== undefined && { retry: immediateRetries(deliveryLimit) }),
    ...(deadLetter !== null && { deadLetter }),
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

/** Settings of a queue that was declared without arguments. */
const WITHOUT_ARGUMENTS: QueueDeclaration = {
  messageTtlMs: null,
  maxLength: null,
  maxBytes: null,
  overflow: 'drop-head',
  retry: immediateRetries(DELIVERY_LIMIT_MAX),
  deadLetter: 'none',
};

function deadLetterOf(given: QueueArguments): Exclude<DeadLetterSettings, 'none'> | PortError | null {
  const { deadLetterExchange: exchange, deadLetterRoutingKey: routingKey } = given;
  if (exchange === undefined) return null;
  if (exchange === '' && routingKey !== undefined && isWideName(routingKey)) return { queue: routingKey };
  if (exchange !== '' && !isWideName(exchange)) {
    return portError('not-implemented', `a dead-letter exchange named '${exchange}'`);
  }
  const target = { exchange: exchange || DEFAULT_EXCHANGE };
  return routingKey === undefined ? target : { ...target, routingKey };
}

/**
 * What is said of a queue that is there and has other settings. One that was declared over AMQP is compared by what the client had
 * said then, so that an operator may have changed what it means. Null: nothing is wrong.
 */
export function differenceOf(spec: QueueSpec, virtualHost: string, error: PosthornError): PortError | null {
  const differing = error.details['differing'] as { field: string; is: unknown }[];
  const annotation = differing.find(({ field }) => field === 'annotation');
  if (annotation === undefined) return null; // it is the same
  const is = typeof annotation.is === 'string' ? readCompared(annotation.is) : null;
  if (is !== null) return inequivalence({ queue: spec.queue, virtualHost }, is, spec.compared);
  const unasked = unaskedSettings(spec);
  return differing.every(({ field }) => unasked.has(field)) ? null : portErrorOf(error);
}

/** Settings that the client has not asked for. Somebody may have set them otherwise over HTTP. */
function unaskedSettings({ arguments: given, exclusive }: QueueSpec): Set<string> {
  const unasked = new Set<string>(['annotation', 'unless_policy']);
  if (given.deliveryLimit === undefined) unasked.add('retry');
  if (given.deadLetterExchange === undefined) unasked.add('dead_letter');
  if (given.expiresMs === undefined && exclusive) unasked.add('expires_ms');
  return unasked;
}
