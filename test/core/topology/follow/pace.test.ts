import { expect, it } from 'vitest';
import { Pace } from '../../../../core/topology/follow/pace.ts';

it('gives turns at intervals, the first at once', () => {
  const pace = new Pace(16);
  expect([1_000, 1_000, 1_000, 1_010, 2_000].map((nowMs) => pace.take(nowMs))).toEqual([0, 16, 32, 38, 0]);
});

it('does not wait for a clock that has gone back', () => {
  const pace = new Pace(16);
  pace.take(1_000_000);
  expect(pace.take(5_000)).toBe(0);
  expect(pace.take(5_000)).toBe(16);
});
