import { describe, expect, it } from 'vitest';
import { DEDUP_IDS_MAX, DedupWindow } from '../../../../core/queue/state/dedup.ts';

describe('the window of message ids', () => {
  it('knows an id until its time, and not at it', () => {
    const window = new DedupWindow();
    window.add('a', 100);
    expect([window.has('a', 99), window.has('a', 100), window.has('b', 0)]).toEqual([true, false, false]);
  });

  it('forgets what is past, and keeps the rest', () => {
    const window = new DedupWindow();
    window.add('a', 100);
    window.add('b', 200);
    window.expire(100);
    expect([window.size, window.has('b', 100)]).toEqual([1, true]);
  });

  it('takes an id that comes again as the youngest', () => {
    const window = new DedupWindow();
    window.add('a', 100);
    window.add('b', 150);
    window.add('a', 200);
    window.expire(150);
    expect([window.size, window.has('a', 199)]).toEqual([1, true]);
  });

  it('forgets the oldest above its limit', () => {
    const window = new DedupWindow();
    for (let nth = 0; nth <= DEDUP_IDS_MAX; nth++) window.add(String(nth), 100);
    expect([window.size, window.has('0', 0), window.has('1', 0)]).toEqual([DEDUP_IDS_MAX, false, true]);
  });
});
