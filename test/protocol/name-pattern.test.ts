import { describe, expect, it } from 'vitest';
import { matchesPattern } from '../../protocol/names/name-pattern.ts';
import { cpuMsOf } from '../support/cpu-time.ts';

describe('a pattern of names', () => {
  it.each([
    ['orders', 'orders', true],
    ['orders', 'orders.eu', false],
    ['*', 'anything.at-all', true],
    ['*', '', true],
    ['orders.*', 'orders.eu.paid', true],
    ['orders.*', 'orders', false],
    ['*.dlq', 'orders.dlq', true],
    ['*.dlq', 'orders.dlq.old', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*a*b*', 'xxaxxbxx', true],
    ['*a*b*', 'xxbxxaxx', false],
    ['a.c', 'abc', false],
    ['?', '😀', true],
    ['??', '😀', false],
    ['*??-*', '😀-x', false],
    ['*?-?', 'ü😀-😀', true],
  ])('%s and the name %s: %s', (pattern, name, matches) => {
    expect(matchesPattern(pattern, name)).toBe(matches);
  });

  it('takes no time to speak of for the worst of patterns', () => {
    const cpuMs = cpuMsOf(() => {
      expect(matchesPattern('*a'.repeat(120) + 'b', 'a'.repeat(249))).toBe(false);
    });
    expect(cpuMs).toBeLessThan(100);
  });
});
