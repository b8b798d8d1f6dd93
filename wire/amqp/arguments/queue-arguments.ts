/**
 * Queue arguments: what the x-arguments of `queue.declare` mean. An argument that has a meaning for RabbitMQ and none here is
 * refused, never ignored. Those that only say on which nodes or in which form a cluster keeps a queue are accepted, and so are those
 * that mean nothing to RabbitMQ either.
 */

import { integerOfField, textOfField, type FieldTable, type FieldValue } from '../codec/field-table.ts';
import { portError, type PortError } from '../reply-codes.ts';

export const OVERFLOWS = ['drop-head', 'reject-publish', 'reject-publish-dlx'] as const;

/** Arguments that were left out are undefined. */
export interface QueueArguments {
  maxPriority?: number;
  messageTtlMs?: number;
  expiresMs?: number;
  maxLength?: number;
  maxBytes?: number;
  overflow?: (typeof OVERFLOWS)[number];
  singleActiveConsumer?: boolean;
  deadLetterExchange?: string;
  deadLetterRoutingKey?: string;
  deliveryLimit?: number;
}

type Read = (field: FieldValue) => unknown;

const integer =
  (min: number, max = Number.MAX_SAFE_INTEGER): Read =>
  (field) => {
    const value = integerOfField(field);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  };
const boolean: Read = (field) => (field.type === 't' ? field.value : undefined);
const oneOf =
  (values: readonly string[]): Read =>
  (field) => {
    const text = textOfField(field);
    return text !== undefined && values.includes(text) ? text : undefined;
  };

/** RabbitMQ's bound. */
const PRIORITY_MAX = 255;

const ARGUMENTS: Readonly<Record<string, { name: keyof QueueArguments | null; read: Read }>> = {
  'x-max-priority': { name: 'maxPriority', read: integer(0, PRIORITY_MAX) },
  'x-message-ttl': { name: 'messageTtlMs', read: integer(0) },
  'x-expires': { name: 'expiresMs', read: integer(1) },
  'x-max-length': { name: 'maxLength', read: integer(0) },
  'x-max-length-bytes': { name: 'maxBytes', read: integer(0) },
  'x-overflow': { name: 'overflow', read: oneOf(OVERFLOWS) },
  'x-single-active-consumer': { name: 'singleActiveConsumer', read: boolean },
  'x-dead-letter-exchange': { name: 'deadLetterExchange', read: textOfField },
  'x-dead-letter-routing-key': { name: 'deadLetterRoutingKey', read: textOfField },
  'x-delivery-limit': { name: 'deliveryLimit', read: integer(0) },
  'x-queue-type': { name: null, read: oneOf(['classic', 'quorum']) },
  'x-queue-mode': { name: null, read: oneOf(['default', 'lazy']) },
  'x-queue-version': { name: null, read: integer(1, 2) },
  'x-queue-leader-locator': { name: null, read: textOfField },
  'x-queue-master-locator': { name: null, read: textOfField },
  'x-quorum-initial-group-size': { name: null, read: integer(0) },
  'x-quorum-target-group-size': { name: null, read: integer(0) },
  'x-max-in-memory-length': { name: null, read: integer(0) },
  'x-max-in-memory-bytes': { name: null, read: integer(0) },
  // Dead letters are never lost here.
  'x-dead-letter-strategy': { name: null, read: oneOf(['at-most-once', 'at-least-once']) },
};

/** What streams of RabbitMQ have, and when it ends a channel whose consumer does not acknowledge. */
const REFUSED = new Set([
  'x-max-age',
  'x-stream-max-segment-size-bytes',
  'x-stream-filter-size-bytes',
  'x-initial-cluster-size',
  'x-consumer-timeout',
]);

export const isKnownArgument = (key: string): boolean => Object.hasOwn(ARGUMENTS, key);

/** @param queue for the texts of errors */
export function readQueueArguments(queue: string, table: FieldTable): QueueArguments | PortError {
  const found: Record<string, unknown> = {};
  for (const [key, field] of table) {
    const isStream = key === 'x-queue-type' && textOfField(field) === 'stream';
    if (REFUSED.has(key) || isStream) {
      return portError('not-implemented', `argument '${key}' of queue '${queue}' is not supported`);
    }
    if (!isKnownArgument(key)) continue;
    const argument = ARGUMENTS[key]!;
    const value = argument.read(field);
    if (value === undefined) {
      return portError('precondition-failed', `invalid arg '${key}' for queue '${queue}'`);
    }
    if (argument.name !== null) found[argument.name] = value;
  }
  const read = found as QueueArguments;
  if (read.deadLetterRoutingKey !== undefined && read.deadLetterExchange === undefined) {
    const reason = `invalid arg 'x-dead-letter-routing-key' for queue '${queue}': no x-dead-letter-exchange`;
    return portError('precondition-failed', reason);
  }
  return read;
}
