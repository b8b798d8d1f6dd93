import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reportStep, usedTwentieths, wholeSteps } from '../../../core/cost/cost-ceiling.ts';

describe('the count of rows', () => {
  it.each([
    [null, 1_000],
    [1, 1],
    [20, 1],
    [200, 2],
    [600, 6],
    [2_000, 20],
    [50_000, 500],
    [10_000_000, 1_000],
  ])('with a ceiling of %j is reported every %i rows', (ceiling, step) => {
    expect(reportStep(ceiling)).toBe(step);
  });

  it.each([
    [79, 100, null],
    [80, 100, 16],
    [99, 100, 19],
    [100, 100, 20],
    [250, 100, 20],
    [1, 1, 20],
    [1_000, null, null],
  ])('of %i with a ceiling of %j has used %j twentieths, if it is near', (rows, ceiling, used) => {
    expect(usedTwentieths(rows, ceiling)).toBe(used);
  });

  it('is right on the average for objects that wake, write little and leave', () => {
    const step = 50;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), (rows) => {
        let reported = 0;
        for (let phase = 0; phase < step; phase++) reported += wholeSteps(phase + rows, step).reported;
        expect(reported / step).toBeCloseTo(rows, 9);
      }),
    );
  });
});
