import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isReturnLane,
  LANES,
  laneOfRowKey,
  offsetOfRowKey,
  priorityOf,
  publishLane,
  returnLane,
  rowKeyOf,
} from '../../../../core/queue/state/lane.ts';
import { PRIORITY_MAX } from '../../../../protocol/limits.ts';

const lane = fc.integer({ min: 0, max: LANES - 1 });
const offset = fc.integer({ min: 0, max: 2 ** 47 - 1 });

describe('the key of a row', () => {
  it('holds lane and offset exactly', () => {
    fc.assert(
      fc.property(lane, offset, (number, at) => {
        const rowKey = rowKeyOf(number, at);
        expect(Number.isSafeInteger(rowKey)).toBe(true);
        expect([laneOfRowKey(rowKey), offsetOfRowKey(rowKey)]).toEqual([number, at]);
      }),
    );
  });
});

describe('a lane', () => {
  it('is one of two for each priority, of which the returns come first', () => {
    const lanes = Array.from({ length: PRIORITY_MAX + 1 }, (_, priority) => [
      publishLane(priority),
      returnLane(priority),
    ]);
    expect(lanes.flat()).toEqual(Array.from({ length: LANES }, (_, number) => number));
    for (const [priority, [published, returned]] of lanes.entries()) {
      expect([priorityOf(published!), priorityOf(returned!)]).toEqual([priority, priority]);
      expect([isReturnLane(published!), isReturnLane(returned!)]).toEqual([false, true]);
    }
  });
});
