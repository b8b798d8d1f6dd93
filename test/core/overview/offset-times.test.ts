/** When records were written, as far as reports say. */

import { describe, expect, it } from 'vitest';
import { OffsetTimes } from '../../../core/overview/offset-times.ts';

function timesOf(...samples: [offset: number, atMs: number][]): OffsetTimes {
  const times = new OffsetTimes();
  for (const [offset, atMs] of samples) times.add(offset, atMs);
  return times;
}

describe('offset times', () => {
  it('lie between two reports', () => {
    const times = timesOf([10, 1_000], [20, 2_000]);
    expect([10, 15, 19].map((offset) => times.timeOf(offset))).toEqual([1_000, 1_500, 1_900]);
  });

  it('are unknown of records that are not there, and early of those before the first report', () => {
    const times = timesOf([10, 1_000]);
    expect(times.timeOf(10)).toBeNull();
    expect(times.timeOf(3)).toBe(1_000);
  });

  it('count a pause', () => {
    expect(timesOf([10, 1_000], [10, 9_000], [12, 9_010]).timeOf(10)).toBe(9_000);
  });

  it('stay bounded and become coarser', () => {
    const times = timesOf(
      ...Array.from({ length: 10_000 }, (_, at): [number, number] => [at * 10, at * 100]),
    );
    for (const offset of [5, 50_005, 99_900, 99_985])
      expect(times.timeOf(offset)).toBeCloseTo(offset * 10, -3);
  });
});
