import { describe, expect, it } from 'vitest';
import { longestDelay, retryDelay, roundDelay, spread } from '../../../../core/queue/settle/retry.ts';

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

describe('a delay', () => {
  it.each([
    [0, 0],
    [7, 7],
    [99, 99],
    [100, 100],
    [101, 110],
    [1_234, 1_300],
    [29_999, 30_000],
    [30_000, 30_000],
  ])('of %i ms is rounded up to %i ms, two digits', (delayMs, rounded) => {
    expect(roundDelay(delayMs)).toBe(rounded);
  });

  it('that is the longest of a schedule is at least a second', () => {
    expect(
      [{ schedule_ms: [] }, { schedule_ms: [5] }, { schedule_ms: [5_000, 9_000, 1] }].map(longestDelay),
    ).toEqual([1_000, 1_000, 9_000]);
    expect(longestDelay({ base_ms: 1, factor: 2, max_ms: 60_000, jitter: 0, attempts: 1 })).toBe(60_000);
  });

  it('gets a chance of its own for each message, all of them from 0 to below 1 and apart', () => {
    const chances = Array.from({ length: 100 }, (_, offset) => spread(0.5, offset)).sort((a, b) => a - b);
    expect(chances[0]).toBeGreaterThanOrEqual(0);
    expect(chances[99]).toBeLessThan(1);
    for (let at = 1; at < 100; at++) expect(chances[at]! - chances[at - 1]!).toBeGreaterThan(0.003);
  });
});
