/** How much goes through a rate bucket, whenever requests come and however large they are. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fullBucket,
  isFull,
  taken,
  waitMs,
  type RateBucket,
} from '../../../../core/access/quotas/rate-bucket.ts';

describe('a bucket', () => {
  it.each<[what: string, perS: number, takes: [atMs: number, count: number][], nowMs: number, wait: number]>([
    ['lets something go at first', 100, [], 0, 0],
    ['lets a second go at once', 100, [[0, 99]], 0, 0],
    ['is empty after a second of messages', 100, [[0, 100]], 0, 10],
    ['fills evenly', 100, [[0, 100]], 10, 0],
    ['keeps a debt', 100, [[0, 600]], 0, 5_010],
    ['pays a debt off', 100, [[0, 600]], 5_010, 0],
    ['pays a debt off no sooner', 100, [[0, 600]], 5_009, 1],
    [
      'holds no more than a second',
      100,
      [
        [0, 100],
        [60_000, 100],
      ],
      60_000,
      10,
    ],
    ['lets one go at a slow rate', 0.1, [[0, 1]], 0, 10_000],
    ['waits for the next at a slow rate', 0.1, [[0, 2]], 0, 20_000],
    ['does not fill by a clock that was put back', 100, [[10_000, 200]], 0, 1_010],
  ])('%s', (_, perS, takes, nowMs, wait) => {
    let bucket = fullBucket(perS, 0);
    for (const [atMs, count] of takes) bucket = taken(bucket, perS, atMs, count);
    expect(waitMs(bucket, perS, nowMs)).toBe(wait);
  });

  it('is as good as new when it has filled up', () => {
    const bucket = taken(fullBucket(10, 0), 10, 0, 15);
    expect(isFull(bucket, 10, 1_499)).toBe(false);
    expect(isFull(bucket, 10, 1_500)).toBe(true);
  });

  it('takes over another rate', () => {
    const fast = fullBucket(1_000, 0);
    expect(waitMs(taken(fast, 10, 0, 10), 10, 0)).toBe(100);
    expect(waitMs(taken(taken(fast, 10, 0, 20), 1_000, 0, 0), 1_000, 11)).toBe(0);
  });
});

/** Sends requests one after another, each as soon as it may; tells how many messages went within the time. */
function sent(perS: number, counts: readonly number[], pausesMs: readonly number[], forMs: number): number {
  let bucket: RateBucket = fullBucket(perS, 0);
  let total = 0;
  let nowMs = 0;
  for (let number = 0; nowMs < forMs && number < 1_000_000; number++) {
    const wait = waitMs(bucket, perS, nowMs);
    if (wait > 0) {
      nowMs += wait;
      continue;
    }
    const count = counts[number % counts.length]!;
    bucket = taken(bucket, perS, nowMs, count);
    total += count;
    nowMs += pausesMs[number % pausesMs.length]!;
  }
  return total;
}

const requests = {
  perS: fc.double({ min: 0.5, max: 50_000, noNaN: true }),
  counts: fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 10 }),
};

it('never lets more go than the rate, one second and one request', () => {
  fc.assert(
    fc.property(
      fc.record({ ...requests, pausesMs: fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1 }) }),
      ({ perS, counts, pausesMs }) => {
        const most = perS * 30 + Math.max(1, perS) + Math.max(...counts);
        expect(sent(perS, counts, [...pausesMs, 1], 30_000)).toBeLessThanOrEqual(most + 1);
      },
    ),
  );
});

it('lets a client that always has something go at the rate, within a twentieth, one second and one request', () => {
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 5_000 }), fc.integer({ min: 1, max: 100 }), (perS, count) => {
      const seconds = 30;
      const total = sent(perS, [Math.min(count, perS)], [0], seconds * 1_000);
      expect(total / (perS * seconds)).toBeGreaterThan(0.95);
      expect(total).toBeLessThanOrEqual(perS * (seconds + 1) + count + 1);
    }),
    { numRuns: 20 },
  );
});
