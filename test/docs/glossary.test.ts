/** The glossary: sorted, and one row a term. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('lists each term once, in alphabetical order', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/glossary.md'), 'utf8');
  const terms = [...text.matchAll(/^\| ([^|]+?) \|/gm)].map(([, term = '']) => term).slice(2);
  expect(terms.length).toBeGreaterThan(50);
  expect(terms).toEqual([...new Set(terms)].sort((a, b) => a.localeCompare(b, 'en')));
});
