/**
 * Consume level: the level of a request that consumes, by its name (`delivery`) or by the switches that the name stands
 * for.
 */

import type { ReadIsolation } from '../../core/log/aborted.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import type { DeliveryLevel } from '../../protocol/schemas/records.ts';

type Level = DeliveryLevel | undefined;

const BY_MESSAGE_ID =
  'take at-least-once, and handle each message id once (in the SDK: a consumer with delivery "exactly-once" and a store)';

/** @returns whether what is delivered is settled in the same step */
export function autoAckOf({
  delivery,
  auto_ack,
}: {
  delivery?: Level;
  auto_ack?: boolean | undefined;
}): boolean | Failure {
  if (delivery === 'exactly-once') {
    return invalid(`delivery: a queue alone cannot say that a message was handled once; ${BY_MESSAGE_ID}`);
  }
  return switchOf(delivery, 'at-most-once', 'auto_ack', auto_ack);
}

/** @returns null if a stream can be so */
export function checkStreamLevel(delivery: Level): Failure | null {
  if (delivery === 'at-most-once') {
    return invalid(
      'delivery: "at-most-once" leaves nothing unsettled that the prefetch of a stream could count; POST to .../deliveries instead',
    );
  }
  const level = autoAckOf({ delivery });
  return typeof level === 'boolean' ? null : level;
}

/** Of a topic, and of a group's read from positions of its own. */
export function isolationOf({
  delivery,
  isolation,
}: {
  delivery?: Level;
  isolation?: ReadIsolation | undefined;
}): ReadIsolation | Failure {
  if (delivery === 'exactly-once' && isolation === 'read_uncommitted') {
    return invalid(
      'delivery: "exactly-once" is isolation "read_committed", not "read_uncommitted"; leave one out',
    );
  }
  return delivery === 'exactly-once' ? 'read_committed' : (isolation ?? 'read_uncommitted');
}

export function positionedReadOf(fields: {
  delivery?: Level;
  isolation?: ReadIsolation | undefined;
}): ReadIsolation | Failure {
  if (fields.delivery === 'at-most-once') {
    return invalid(
      'delivery: this call commits nothing, so it cannot be "at-most-once"; GET the records, or commit before the work',
    );
  }
  return isolationOf(fields);
}

/** Of what is assigned to a member. */
export function groupReadOf(fields: {
  delivery?: Level;
  isolation?: ReadIsolation | undefined;
  auto_commit?: 'true' | 'false' | undefined;
}): { isolation: ReadIsolation; isAutoCommit: boolean } | Failure {
  const { delivery, auto_commit: given } = fields;
  const isolation = isolationOf(fields);
  if (typeof isolation !== 'string') return isolation;
  const isAutoCommit = switchOf(
    delivery,
    'at-most-once',
    'auto_commit',
    given === undefined ? undefined : given === 'true',
  );
  return typeof isAutoCommit === 'boolean' ? { isolation, isAutoCommit } : isAutoCommit;
}

/** @returns whether what is acquired is accepted in the same step */
export function isAcceptedAtOnce(delivery: Level): boolean | Failure {
  if (delivery !== 'exactly-once') return delivery === 'at-most-once';
  return invalid(
    'delivery: a share group alone cannot say that a record was handled once; take at-least-once, and handle each topic, partition and offset once',
  );
}

/** A switch that one level is, and the others are not. */
function switchOf(
  delivery: Level,
  level: DeliveryLevel,
  name: string,
  given: boolean | undefined,
): boolean | Failure {
  if (delivery === undefined) return given ?? false;
  const implied = delivery === level;
  if (given === undefined || given === implied) return implied;
  return invalid(`delivery: "${delivery}" is ${name} ${implied}, not ${given}; leave one out`);
}

function invalid(message: string): Failure {
  return failure('invalid_field', message);
}
