/** Every checker notices a fault that is planted in the product. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MUTANTS } from './mutants.ts';
import { isCaught, type CatchingRun } from './search.ts';

/** Another order of events may hide a fault in the run that has shown it: then the seeds after it are tried. */
const SEEDS_MAX = 12;
const TIMEOUT_MS = 300_000;

const RUNS = JSON.parse(readFileSync(join(import.meta.dirname, 'catching-runs.json'), 'utf8')) as Record<
  string,
  CatchingRun
>;

describe('checkers', () => {
  it.each(MUTANTS)(
    '$checker notices $name',
    async (mutant) => {
      const known = RUNS[mutant.name];
      if (!known) return expect.fail('`npm run mutants` looks for a run that catches it');
      for (let nth = 0; nth < SEEDS_MAX; nth++) {
        if (await isCaught(mutant, { ...known, seed: known.seed + nth })) return;
      }
      expect.fail('its run catches it no more; `npm run mutants` looks for another');
    },
    TIMEOUT_MS,
  );
});
