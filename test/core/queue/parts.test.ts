import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LANES, laneOfRowKey, offsetOfRowKey, rowKeyOf } from '../../../core/queue/state/lane.ts';
import {
  addRange,
  covers,
  endOfRunAt,
  nextStartAfter,
  sizeOf,
  type Ranges,
} from '../../../core/queue/state/ranges.ts';
import { retryDelay } from '../../../core/queue/settle/retry.ts';
import { SegmentState, type LaneExtent } from '../../../core/queue/state/segment-state.ts';
import { decodeDeliveryFrame, encodeDeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';
import { formatTag, parseTag } from '../../../protocol/frames/delivery-tag.ts';

const lane = fc.integer({ min: 0, max: LANES - 1 });
const offset = fc.integer({ min: 0, max: 2 ** 47 - 1 });

describe('a place', () => {
  it('holds lane and offset exactly', () => {
    fc.assert(
      fc.property(lane, offset, (number, at) => {
        const place = rowKeyOf(number, at);
        expect(Number.isSafeInteger(place)).toBe(true);
        expect([laneOfRowKey(place), offsetOfRowKey(place)]).toEqual([number, at]);
      }),
    );
  });
});

describe('a delivery tag', () => {
  it('survives being written and read', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        lane,
        offset,
        fc.integer({ min: 1, max: 1e9 }),
        (queueId, number, at, delivery) => {
          const tag = { queueId, lane: number, offset: at, delivery };
          expect(parseTag(formatTag(tag))).toEqual(tag);
        },
      ),
    );
  });

  it('is none for other texts', () => {
    for (const text of ['', '1', '1-2-3', '1-2-3-4-5', 'A-0-0-1', '1-0--1', '1-0-0-1 ', '-1-0-0-1']) {
      expect(parseTag(text), text).toBeNull();
    }
  });
});

describe('a delivery frame', () => {
  it('survives being written and read, and a cut one is refused', () => {
    const frame = {
      queueId: 2 ** 40,
      sections: [
        {
          lane: 3,
          runs: [{ start: 5, end: 9, delivery: 2, expiresAtMs: 1e12 }],
          batches: new Uint8Array([1, 2, 3]),
        },
        { lane: 0, runs: [], batches: new Uint8Array() },
      ],
    };
    const bytes = encodeDeliveryFrame(frame);
    expect(decodeDeliveryFrame(bytes)).toEqual(frame);
    for (let length = 1; length < bytes.length - 9; length++) {
      if (length === 8) continue; // a frame without sections
      expect(() => decodeDeliveryFrame(bytes.subarray(0, length)), String(length)).toThrow(RangeError);
    }
  });
});

describe('ranges', () => {
  it('agree with a set of numbers', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 5 }))), (adds) => {
        const ranges: Ranges = [];
        const set = new Set<number>();
        for (const [start, length] of adds) {
          const added = Array.from({ length }, (_, nth) => start + nth);
          if (added.some((one) => set.has(one))) continue;
          addRange(ranges, start, start + length);
          for (const one of added) set.add(one);
        }
        expect(sizeOf(ranges)).toBe(set.size);
        for (let at = 0; at < 50; at++) {
          expect(covers(ranges, at)).toBe(set.has(at));
          let end = at;
          while (set.has(end)) end += 1;
          expect(endOfRunAt(ranges, at)).toBe(end);
          let next = end;
          while (next < 50 && !set.has(next)) next += 1;
          expect(nextStartAfter(ranges, at)).toBe(next === 50 ? Infinity : next);
        }
      }),
    );
  });
});

describe('the state of a segment', () => {
  it('agrees with one word for each message, also after being stored', () => {
    const step = fc.tuple(fc.nat(29), fc.constantFrom('lease', 'unlease', 'settle'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const extent: LaneExtent = {
          lane: 0,
          baseOffset: 100,
          nextOffset: 130,
          position: 0,
          bytes: 10,
          isPlain: true,
        };
        let segment = new SegmentState(extent);
        segment.cursor = 130;
        const words = new Array<string>(30).fill('returned');
        for (const [index, does] of steps) {
          const at = 100 + index;
          if (does === 'lease' && words[index] === 'returned') {
            segment.lease({
              start: at,
              end: at + 1,
              expiresAtMs: 5 + (index % 2),
              consumerId: 'c',
              sinceMs: 0,
            });
            words[index] = 'leased';
          } else if (does === 'unlease' && words[index] === 'leased') {
            segment.unlease(at);
            words[index] = 'returned';
          } else if (does === 'settle' && words[index] === 'returned') {
            segment.settle(at, at + 1);
            words[index] = 'settled';
          }
          segment = new SegmentState(extent, JSON.parse(JSON.stringify(segment.toStored())));
        }
        const found = words.map((_, index) => {
          if (segment.isSettled(100 + index)) return 'settled';
          return segment.leaseAt(100 + index) ? 'leased' : 'returned';
        });
        expect(found).toEqual(words);
        const returned: number[] = [];
        for (let run = segment.nextReturned(0); run; run = segment.nextReturned(run.end)) {
          for (let at = run.start; at < run.end; at++) returned.push(at - 100);
        }
        expect(returned).toEqual(words.flatMap((word, index) => (word === 'returned' ? [index] : [])));
        expect(segment.returned).toBe(returned.length);
      }),
    );
  });
});

describe('the delay before a retry', () => {
  it('follows the list, then ends', () => {
    const retry = { schedule_ms: [1_000, 5_000] };
    expect([1, 2, 3].map((failures) => retryDelay(retry, failures, 0))).toEqual([1_000, 5_000, null]);
    expect(retryDelay({ schedule_ms: [] }, 1, 0)).toBeNull();
  });

  it('grows by the factor to the ceiling, less what chance takes', () => {
    const retry = { base_ms: 100, factor: 3, max_ms: 1_000, jitter: 0.5, attempts: 4 };
    expect([1, 2, 3, 4, 5].map((failures) => retryDelay(retry, failures, 0))).toEqual([
      100,
      300,
      900,
      1_000,
      null,
    ]);
    expect(retryDelay(retry, 1, 0.999)).toBe(50);
  });
});
