/**
 * Produce level: the level of a produce request, by its name (`delivery`) or by the switches that it stands for
 * (`acks`, a producer).
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import type { DeliveryLevel } from '../../protocol/schemas/records.ts';

export interface Asked {
  acks?: 'durable' | 'none' | undefined;
  delivery?: DeliveryLevel | undefined;
}

/** @returns whether the answer is to come before the append */
export function isWithoutPromise({ acks, delivery }: Asked, hasProducer: boolean): boolean | Failure {
  const implied = delivery === undefined ? undefined : delivery === 'at-most-once' ? 'none' : 'durable';
  if (implied !== undefined && acks !== undefined && acks !== implied) {
    return failure(
      'invalid_field',
      `delivery: "${delivery}" is acks "${implied}", not "${acks}"; leave one out`,
    );
  }
  if (delivery === 'exactly-once' && !hasProducer) {
    return failure(
      'invalid_field',
      'delivery: "exactly-once" needs a producer (POST /producers) with each batch, so that a repetition is known',
    );
  }
  const isWithout = (implied ?? acks) === 'none';
  if (isWithout && hasProducer) {
    return failure(
      'invalid_field',
      'acks: a producer with sequences needs "durable": without an answer it cannot know which sequence is next',
    );
  }
  return isWithout;
}
