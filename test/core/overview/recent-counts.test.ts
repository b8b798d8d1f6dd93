/** Rates over the last minute. */

import { describe, expect, it } from 'vitest';
import { NO_COUNTERS } from '../../../core/overview/counters.ts';
import { NO_RATES, RecentCounts, summed } from '../../../core/overview/recent-counts.ts';

const published = (count: number) => ({ ...NO_COUNTERS, published: count });

describe('rates', () => {
  it('are those of the last minute', () => {
    const recent = new RecentCounts(0);
    for (let atMs = 10_000; atMs <= 300_000; atMs += 10_000) recent.add(published(100), atMs);
    expect(recent.rates(300_000).published).toBe(10);
    expect(recent.rates(330_000).published).toBe(5);
    expect(recent.rates(360_000)).toEqual(NO_RATES);
    expect(recent.isEmpty).toBe(true);
  });

  it('are those since it began, but of ten seconds at least', () => {
    const recent = new RecentCounts(0);
    recent.add(published(50), 500);
    recent.add(published(50), 900);
    expect(recent.rates(1_000).published).toBe(10);
    expect(recent.rates(20_000).published).toBe(5);
  });

  it('add up', () => {
    expect(
      summed([
        { ...NO_RATES, acked: 1 },
        { ...NO_RATES, acked: 2 },
      ]),
    ).toMatchObject({ acked: 3 });
  });
});
