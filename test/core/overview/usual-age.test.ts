/** How old the oldest message is as a rule. */

import { describe, expect, it } from 'vitest';
import { UsualAge } from '../../../core/overview/usual-age.ts';

function after(...ages: number[]): number {
  const usual = new UsualAge();
  for (const age of ages) usual.add(age);
  return usual.limitMs();
}

describe('the usual age', () => {
  it('is unknown until ten reports have come: an hour is too old', () => {
    expect(after(...Array<number>(9).fill(1_000))).toBe(3_600_000);
  });

  it('allows four times the usual, and always a minute', () => {
    expect(after(...Array<number>(10).fill(60_000))).toBeCloseTo(240_000);
    expect(after(...Array<number>(10).fill(0))).toBe(60_000);
  });

  it('follows what changes for long', () => {
    const ages = [...Array<number>(10).fill(0), ...Array<number>(100).fill(600_000)];
    expect(after(...ages)).toBeGreaterThan(2_000_000);
  });
});
