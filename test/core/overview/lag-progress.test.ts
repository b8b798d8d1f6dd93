/** When a group last came closer to the end. */

import { expect, it } from 'vitest';
import { LAG_STUCK_MS, LagProgress } from '../../../core/overview/lag-progress.ts';

const lagOf = (lag: number, offset: number | null) => ({ group: 'g', kind: 'group' as const, lag, offset });

it('a lag is stuck from five minutes after it was first seen, or has last shrunk', () => {
  const progress = new LagProgress(lagOf(5, 0), 1_000);
  expect(progress.isStuck(1_000 + LAG_STUCK_MS - 1)).toBe(false);
  expect(progress.isStuck(1_000 + LAG_STUCK_MS)).toBe(true);
  progress.add(lagOf(4, 1), 9_000);
  progress.add(lagOf(6, 1), 10_000);
  expect(progress.isStuck(9_000 + LAG_STUCK_MS - 1)).toBe(false);
  expect(progress.isStuck(9_000 + LAG_STUCK_MS)).toBe(true);
});

it('no lag is not stuck, and neither is a group that never committed and is at the end', () => {
  const progress = new LagProgress(lagOf(0, null), 0);
  expect(progress.isStuck(10 * LAG_STUCK_MS)).toBe(false);
});
