/** The planted faults still have their place in the product; `npm run mutants` and the soak show that each is noticed. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKERS } from './checkers/checkers.ts';
import { MUTANTS } from './mutants/mutants.ts';

const ROOT = join(import.meta.dirname, '../..');

describe('planted faults', () => {
  it('are there for each checker', () => {
    expect(new Set(MUTANTS.map(({ checker }) => checker))).toEqual(new Set(CHECKERS.map(({ name }) => name)));
  });

  it.each(MUTANTS)('$name can be planted, in one place', ({ patches = [] }) => {
    for (const { file, find } of patches) {
      const places = readFileSync(join(ROOT, file), 'utf8').split(find).length - 1;
      expect(places, `${file}: ${find}`).toBe(1);
    }
  });
});
