import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withTables } from '../../../scripts/scale/tables.ts';

const PAGE = join(import.meta.dirname, '../../../docs/scale.md');

it('of the page on scale are those that the model calculates: `npm run scale` writes them', () => {
  const page = readFileSync(PAGE, 'utf8');
  expect(page).toBe(withTables(page));
});

it('are not written into a page without places for them', () => {
  expect(() => withTables('# Scale\n')).toThrow('has no place for the table');
});
