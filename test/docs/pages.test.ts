/** The pages of docs/ as a whole: the table of contents names each of them, and every relative link leads somewhere. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const DOCS = join(ROOT, 'docs');

const pages = readdirSync(DOCS, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.md'))
  .map((path) => join(DOCS, path));
const front = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'examples/README.md'];

function linksOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replaceAll(/^```[^]*?^```/gm, '');
  return [...text.matchAll(/\]\((?!\w+:)([^)#\s]+)/g)].map(([, target = '']) => join(dirname(page), target));
}

describe('the documentation', () => {
  it('is listed in full by its table of contents', () => {
    const listed = new Set(linksOf(join(DOCS, 'README.md')));
    const records = (page: string): boolean => page.startsWith(join(DOCS, 'adr/'));
    const missing = pages.filter(
      (page) => !records(page) && page !== join(DOCS, 'README.md') && !listed.has(page),
    );
    expect(missing.map((page) => relative(ROOT, page))).toEqual([]);
    expect(listed).toContain(join(DOCS, 'adr/README.md'));
  });

  it.each([...front.map((page) => join(ROOT, page)), ...pages].map((page) => relative(ROOT, page)))(
    'has links in %s that lead somewhere',
    (page) => {
      expect(linksOf(join(ROOT, page)).filter((target) => !existsSync(target))).toEqual([]);
    },
  );
});
