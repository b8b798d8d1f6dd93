import { describe, expect, it } from 'vitest';
import { Turns } from '../../../workers/bounds/turns.ts';

describe('turns', () => {
  it('begin one timer at a time, and none within 20 ms of the last', () => {
    const turns = new Turns();
    expect(turns.needsTimer(1_000)).toBe(true);
    turns.begin(1_000);
    expect(turns.needsTimer(1_500)).toBe(false);
    turns.fired(1_500);
    expect([turns.needsTimer(1_519), turns.needsTimer(1_520)]).toEqual([false, true]);
  });

  it('let requests wait once the timer is more than 20 ms late, until any timer fires', () => {
    const turns = new Turns();
    expect(turns.isLate(1_000)).toBe(false);
    turns.begin(1_000);
    expect([turns.isLate(1_020), turns.isLate(1_021)]).toEqual([false, true]);
    turns.fired(1_030);
    expect(turns.isLate(5_000)).toBe(false);
  });

  it('count a timer whose request was given up as late, until another fires', () => {
    const turns = new Turns();
    turns.begin(1_000); // never fires
    expect([turns.needsTimer(9_000), turns.isLate(9_000)]).toEqual([false, true]);
    turns.fired(9_001);
    expect([turns.isLate(9_002), turns.needsTimer(9_021)]).toEqual([false, true]);
  });
});
