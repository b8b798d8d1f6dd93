/** Which objects the overview asks, and when. */

import { describe, expect, it } from 'vitest';
import { ASK_MS, AskedObjects } from '../../../core/overview/asked-objects.ts';

function asking(...keys: string[]): AskedObjects {
  const asked = new AskedObjects();
  for (const key of keys) asked.changed(key);
  return asked;
}

describe('asked objects', () => {
  it('are asked ten seconds after the first change, then every ten seconds', () => {
    const asked = asking('a');
    expect(asked.dueMs(1_000)).toBe(1_000 + ASK_MS);
    expect(asked.next(11_000)).toEqual(['a']);
    asked.changed('b');
    expect(asked.dueMs(15_000)).toBe(11_000 + ASK_MS);
    expect(asked.next(21_000)).toEqual(['a', 'b']);
  });

  it('are not asked when they rest', () => {
    const asked = asking('a');
    asked.rests('a');
    expect(asked.dueMs(1_000)).toBeNull();
    expect(asked.next(1_000)).toEqual([]);
  });

  it('are not asked again when they have failed three times in a row', () => {
    const asked = asking('a');
    for (const _ of [1, 2]) asked.failed('a');
    asked.changed('a');
    for (const _ of [1, 2]) asked.failed('a');
    expect(asked.size).toBe(1);
    asked.failed('a');
    asked.failed('a');
    expect(asked.size).toBe(0);
  });

  it('share events when they are many, each asked once in a round', () => {
    const asked = asking(...Array.from({ length: 2_500 }, (_, number) => `q${number}`));
    const events = [asked.next(0), asked.next(1), asked.next(2)];
    expect(events.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(new Set(events.flat()).size).toBe(2_500);
    expect(asked.dueMs(2)).toBe(ASK_MS);
  });

  it('are asked within ten seconds when the clock has gone back', () => {
    const asked = asking('a');
    asked.next(1_000_000);
    expect(asked.dueMs(5)).toBe(5 + ASK_MS);
  });
});
