import { describe, expect, it } from 'vitest';
import { AskRate, LEAVES_MAX, leafOf, nextSpread } from '../../../../core/topology/follow/spread.ts';

describe('the spread', () => {
  it.each([
    // spread, asks a second, next
    [0, 1, 0],
    [0, 400, 0],
    [0, 401, 1],
    [1, 19, 0],
    [1, 20, 1],
    [1, 401, 2],
    [1, 1_000, 4],
    [2, 99, 1],
    [2, 100, 2],
    [16, 1_000, 32],
    [LEAVES_MAX, 10_000, LEAVES_MAX],
  ])('of %i is, at %i asks a second, %i next', (spread, rate, next) => {
    expect(nextSpread(spread, rate)).toBe(next);
  });

  it('keeps a router at its leaf, and uses all leaves', () => {
    expect(leafOf(0, 0.7)).toBeNull();
    const chances = Array.from({ length: 64 }, (_, index) => (index + 0.5) / 64);
    for (const spread of [1, 2, 8, LEAVES_MAX]) {
      const leaves = new Set(chances.map((chance) => leafOf(spread, chance)));
      expect([...leaves].sort((a, b) => a! - b!)).toEqual([...Array(spread).keys()]);
    }
  });
});

describe('the rate of asks', () => {
  it('counts the busier of this second and the one before', () => {
    const rate = new AskRate();
    for (let index = 0; index < 99; index++) rate.note(10_000);
    expect(rate.note(10_500)).toBe(100);
    expect(rate.note(11_000)).toBe(100);
    expect(rate.note(12_100)).toBe(1);
    expect(rate.note(20_000)).toBe(1);
  });

  it('begins anew when the clock goes back', () => {
    const rate = new AskRate();
    rate.note(10_000);
    expect(rate.note(5_000)).toBe(1);
  });
});
