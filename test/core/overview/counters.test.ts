/** Sums and differences of counters. */

import { describe, expect, it } from 'vitest';
import { deadLettersOf, minus, NO_COUNTERS, plus } from '../../../core/overview/counters.ts';

const some = {
  ...NO_COUNTERS,
  published: 3,
  dead_letters: { ...NO_COUNTERS.dead_letters, expired: 2, rejected: 1 },
};

describe('counters', () => {
  it('are added name by name', () => {
    expect(plus(some, some)).toMatchObject({ published: 6, acked: 0, dead_letters: { expired: 4 } });
  });

  it('never fall below zero', () => {
    expect(minus(NO_COUNTERS, some)).toEqual(NO_COUNTERS);
    expect(minus(plus(some, some), some)).toEqual(some);
  });

  it('count dead letters of every reason', () => {
    expect(deadLettersOf(some)).toBe(3);
  });
});
