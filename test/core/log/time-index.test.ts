/** Finding records by time, held against a walk over all of them. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_LOG, type SegmentExtent } from '../../../core/log/segment.ts';
import { offsetInSegment, segmentForTimestamp } from '../../../core/log/time-index.ts';
import { setBaseOffset } from '../../../protocol/record-batch/index.ts';
import { batchOf } from '../../support/batches.ts';

const inflate = (): Uint8Array => {
  throw new Error('nothing here is compressed');
};

/** Segments of three offsets each, with the largest timestamp of each. */
function logOf(times: readonly number[]) {
  let maxTimestampSoFar = -1;
  const segments = times.map((maxTimestamp, nth): SegmentExtent => {
    maxTimestampSoFar = Math.max(maxTimestampSoFar, maxTimestamp);
    return {
      baseOffset: nth * 3,
      nextOffset: nth * 3 + 3,
      maxTimestamp,
      maxTimestampSoFar,
      position: 0,
      bytes: 1,
    };
  });
  const head = { ...EMPTY_LOG, nextOffset: times.length * 3, maxTimestampSoFar };
  let looks = 0;
  const lookup = {
    atOrAfter: (offset: number) => {
      looks += 1;
      return segments.find(({ nextOffset }) => nextOffset > offset);
    },
  };
  return { segments, head, lookup, looks: () => looks };
}

describe('the first segment with a record at or after a time', () => {
  it('is that of a walk over all of them', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 30 }), fc.nat(21), (times, timestampMs) => {
        const { segments, head, lookup } = logOf(times);
        const walked = segments.find(({ maxTimestamp }) => maxTimestamp >= timestampMs);
        expect(segmentForTimestamp(head, lookup, timestampMs)).toEqual(walked);
      }),
    );
  });

  it('is found without looking at all of them', () => {
    const { head, lookup, looks } = logOf(Array.from({ length: 1_000 }, (_, nth) => nth));
    expect(segmentForTimestamp(head, lookup, 700)?.baseOffset).toBe(2_100);
    expect(looks()).toBeLessThan(20);
  });
});

describe('the first record of a segment at or after a time', () => {
  const first = batchOf([{ timestamp: 100 }, { timestamp: 300 }]);
  const second = batchOf([{ timestamp: 200 }, { timestamp: 400 }]);
  setBaseOffset(second, 0, 2);
  const segment = new Uint8Array([...first, ...second]);
  const range = { baseOffset: 0, nextOffset: 4 };

  it.each<[number, number, number | undefined, string]>([
    [50, 0, 0, 'the first'],
    [100, 0, 0, 'exactly'],
    [101, 0, 1, 'the next'],
    [200, 0, 1, 'the first in the order of offsets'],
    [301, 0, 3, 'in another batch'],
    [401, 0, undefined, 'there is none'],
    [50, 2, 2, 'not below the start of the log'],
  ])('%i, from %i on, has offset %s: %s', (timestampMs, startOffset, expected) => {
    expect(offsetInSegment(segment, range, timestampMs, startOffset, inflate)).toBe(expected);
  });

  it('passes over damage', () => {
    const damaged = segment.slice();
    damaged[first.length - 1]! ^= 1;
    expect(offsetInSegment(damaged, range, 100, 0, inflate)).toBe(2);
  });
});
