import { expect, it } from 'vitest';
import { RefusalPauses } from '../../../../core/access/quotas/refusal-pauses.ts';

const NOW = 1_000_000;
const pausesOf = (pauses: RefusalPauses, spender: string, count: number, nowMs: number): number[] =>
  Array.from({ length: count }, () => pauses.begin(spender, nowMs));

it('answers the first refusals of a second at once, and lets the others wait', () => {
  const pauses = new RefusalPauses();
  expect(new Set(pausesOf(pauses, 'a', 20, NOW))).toEqual(new Set([0]));
  expect(pauses.begin('a', NOW + 999)).toBeGreaterThanOrEqual(250);
  expect(pauses.begin('b', NOW + 999)).toBe(0);
  expect(pauses.begin('a', NOW + 1_000)).toBe(0);
});

it('lets what was refused together come back one after the other', () => {
  const found = pausesOf(new RefusalPauses(), 'a', 36, NOW).slice(20);
  expect(new Set(found).size).toBe(16);
  expect(Math.max(...found)).toBeLessThan(500);
});

it('counts anew when the clock has gone back', () => {
  const pauses = new RefusalPauses();
  pausesOf(pauses, 'a', 20, NOW);
  expect(pauses.begin('a', NOW - 5_000)).toBe(0);
});

it('lets at most a thousand answers wait', () => {
  const pauses = new RefusalPauses();
  const found = pausesOf(pauses, 'a', 1_100, NOW);
  expect(found.filter((ms) => ms > 0)).toHaveLength(1_000);
  expect(pauses.begin('a', NOW)).toBe(0);
  pauses.ended();
  expect(pauses.begin('a', NOW)).toBeGreaterThan(0);
});
