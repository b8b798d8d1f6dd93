/** The level of a produce request: its names and switches agree, or it is refused. */

import { expect, it } from 'vitest';
import { isWithoutPromise, type Asked } from '../../../core/producers/delivery-level.ts';
import { isFailure } from '../../../protocol/errors.ts';

const answerTo = (asked: Asked, hasProducer = false): unknown => {
  const answer = isWithoutPromise(asked, hasProducer);
  return isFailure(answer) ? answer.code : answer;
};

it.each<[Asked, boolean, boolean | string]>([
  [{}, false, false],
  [{ acks: 'durable' }, false, false],
  [{ acks: 'none' }, false, true],
  [{ delivery: 'at-most-once' }, false, true],
  [{ delivery: 'at-most-once', acks: 'none' }, false, true],
  [{ delivery: 'at-most-once', acks: 'durable' }, false, 'invalid_field'],
  [{ delivery: 'at-least-once' }, false, false],
  [{ delivery: 'at-least-once', acks: 'none' }, false, 'invalid_field'],
  [{ delivery: 'exactly-once' }, false, 'invalid_field'],
  [{ delivery: 'exactly-once' }, true, false],
  [{ acks: 'none' }, true, 'invalid_field'],
])('%j, with a producer: %s', (asked, hasProducer, expected) => {
  expect(answerTo(asked, hasProducer)).toBe(expected);
});
