import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NO_ATTEMPTS,
  SegmentState,
  withFailure,
  type LaneExtent,
} from '../../../../core/queue/state/segment-state.ts';

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

describe('the attempts of a message', () => {
  it('keep the time of the first that failed, and of the last', () => {
    const once = withFailure(NO_ATTEMPTS, 100);
    expect(once).toEqual({ deliveries: 1, failures: 1, firstMs: 100, lastMs: 100 });
    expect(withFailure({ ...once, deliveries: 2 }, 200)).toEqual({
      deliveries: 2,
      failures: 2,
      firstMs: 100,
      lastMs: 200,
    });
  });

  it('are stored as runs, and forgotten when a message is settled', () => {
    const extent: LaneExtent = {
      lane: 0,
      baseOffset: 10,
      nextOffset: 14,
      position: 0,
      bytes: 40,
      isPlain: true,
    };
    const segment = new SegmentState(extent);
    segment.cursor = 14;
    for (const offset of [10, 11, 13]) segment.noteAttempts(offset, NO_ATTEMPTS);
    expect(segment.toStored().attempts).toEqual([
      [10, 12, 1, 0, 0, 0],
      [13, 14, 1, 0, 0, 0],
    ]);
    for (const offset of [10, 11, 13]) segment.settle(offset, offset + 1);
    expect([segment.hasAttempts, segment.attemptsOf(10)]).toEqual([false, undefined]);
  });
});

describe('the leases of a segment', () => {
  it('that follow each other and are alike are one', () => {
    const extent: LaneExtent = {
      lane: 0,
      baseOffset: 0,
      nextOffset: 4,
      position: 0,
      bytes: 40,
      isPlain: true,
    };
    const segment = new SegmentState(extent);
    segment.cursor = 4;
    const lease = { expiresAtMs: 5, consumerId: 'A', sinceMs: 1 };
    segment.lease({ start: 0, end: 1, ...lease });
    segment.lease({ start: 1, end: 2, ...lease });
    segment.lease({ start: 2, end: 3, ...lease, expiresAtMs: 6 });
    segment.lease({ start: 3, end: 4, ...lease, expiresAtMs: 6, consumerId: 'B' });
    expect(segment.leases.map(({ start, end }) => [start, end])).toEqual([
      [0, 2],
      [2, 3],
      [3, 4],
    ]);
  });
});
