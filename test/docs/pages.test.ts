/** The table of contents of docs/ names every page. (test/architecture/documents.test.ts follows the links.) */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const DOCS = join(import.meta.dirname, '../../docs');

it('is listed by docs/README.md, each page but the decision records, which have a list of their own', () => {
  const pages = readdirSync(DOCS, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.md'),
  );
  const contents = readFileSync(join(DOCS, 'README.md'), 'utf8');
  const listed = new Set([...contents.matchAll(/\]\(([^)#\s]+)/g)].map(([, target = '']) => target));
  const missing = pages.filter(
    (page) => page !== 'README.md' && !page.startsWith('adr/') && !listed.has(page),
  );
  expect(missing).toEqual([]);
  expect(listed).toContain('adr/README.md');
});
