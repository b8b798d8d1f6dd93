/** Every checker notices a fault that is planted in the product. */

import { describe, expect, it } from 'vitest';
import { CHECKERS } from '../checkers/checkers.ts';
import { FAULTS } from '../faults.ts';
import { run } from '../run.ts';
import { MUTANTS } from './mutants.ts';

const SEEDS_MAX = 150;
const STEPS = 250;
const TIMEOUT_MS = 300_000;

describe('checkers', () => {
  it('have a mutant each', () => {
    expect(new Set(MUTANTS.map(({ checker }) => checker))).toEqual(new Set(CHECKERS.map(({ name }) => name)));
  });

  it.each(MUTANTS)(
    '$checker notices $name',
    async (mutant) => {
      const first = mutant.firstSeed ?? 1;
      for (let seed = first; seed < first + SEEDS_MAX; seed++) {
        const { violations } = await run({ seed, steps: STEPS, mutant, faults: mutant.faults ?? FAULTS });
        if (violations.some(({ checker }) => checker === mutant.checker)) return;
      }
      expect.fail(`not within ${SEEDS_MAX} seeds`);
    },
    TIMEOUT_MS,
  );
});
