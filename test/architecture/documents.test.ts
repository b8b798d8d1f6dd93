/** What the documents promise about the tree: links, commands, the list of decisions, the version, the license. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../protocol/openapi.ts';
import { version } from '../../sdk/index.ts';
import { filesBelow, ROOT } from './sources.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const paths = filesBelow();
const documents = paths.filter((path) => path.endsWith('.md'));
const manifest = JSON.parse(read('package.json')) as {
  version: string;
  license: string;
  scripts: Record<string, string>;
};

describe('the documents', () => {
  it('link to files and headings that are there', () => {
    const broken = documents.flatMap((path) => {
      const links = [...read(path).matchAll(/\]\((?!https?:)([^)#\s]*)(#[^)\s]+)?\)/g)];
      return links.flatMap(([, file = '', heading = '']) => {
        const target = file === '' ? path : posix.join(posix.dirname(path), file);
        if (!existsSync(join(ROOT, target))) return [`${path}: ${file}`];
        return heading === '' || headingsOf(target).includes(heading) ? [] : [`${path}: ${file}${heading}`];
      });
    });
    expect(broken).toEqual([]);
  });

  it('name files and folders that are there', () => {
    const gone = documents.flatMap((path) =>
      [
        ...read(path).matchAll(
          /`((?:core|protocol|durable-objects|workers|sdk|scripts|bench|test)\/[\w./-]*)`/g,
        ),
      ]
        .filter(([, named]) => !existsSync(join(ROOT, named!)))
        .map(([, named]) => `${path}: ${named}`),
    );
    expect(gone).toEqual([]);
  });

  it('name commands of package.json, and no TypeScript for the Node of a newcomer', () => {
    const commented = paths.filter((path) => /^(bench|scripts|test\/peers)\/.*\.(ts|mjs)$/.test(path));
    const wrong = [...documents, ...commented].flatMap((path) => {
      const text = read(path);
      const unknown = [...text.matchAll(/\bnpm run ([a-z][\w:-]*)/g)].filter(
        ([, name]) => !Object.hasOwn(manifest.scripts, name!),
      );
      const stripped = [...text.matchAll(/(?:`|\* {3,}|^)node (?:--\S+ )*[\w./-]+\.ts\b/gm)];
      return [...unknown, ...stripped].map(([command]) => `${path}: ${command}`);
    });
    expect(wrong).toEqual([]);
  });

  it('have no traces of a merge', () => {
    expect(documents.filter((path) => /^(<{7}|>{7}|={7}$)/m.test(read(path)))).toEqual([]);
  });

  it('list every decision once', () => {
    const records = paths.filter((path) => /^docs\/adr\/\d{4}-.*\.md$/.test(path));
    expect(records.length).toBeGreaterThan(10);
    const listed = [...read('docs/adr/README.md').matchAll(/^\| \[.+\]\((\S+\.md)\) \| .+ \|$/gm)];
    expect(listed.map(([, name]) => `docs/adr/${name}`).sort()).toEqual(records.sort());
  });

  it('call each decision by the number and the title of its record', () => {
    for (const [, title, name] of read('docs/adr/README.md').matchAll(/\[(\d+\. .+?)\]\((\S+\.md)\)/g))
      expect(read(`docs/adr/${name}`)).toMatch(new RegExp(`^# ${title!.replace(/[.()]/g, '\\$&')}\n`));
  });
});

describe('the version', () => {
  it('is that of package.json, in the lock file, the contract and the SDK', () => {
    const lock = JSON.parse(read('package-lock.json')) as {
      version: string;
      packages: Record<string, { version: string }>;
    };
    expect(lock.version).toBe(manifest.version);
    expect(lock.packages['']!.version).toBe(manifest.version);
    expect((openApiDocument() as { info: { version: string } }).info.version).toBe(manifest.version);
    expect(version).toBe(manifest.version);
  });

  it('has a section of the changelog', () => {
    const sections = [...read('CHANGELOG.md').matchAll(/^## (\S+)/gm)].map(([, name]) => name);
    expect(sections).toContain(manifest.version);
  });
});

describe('the license', () => {
  it('is the text of Apache-2.0, unchanged, and what package.json and the README name', () => {
    const text = read('LICENSE');
    expect(createHash('sha256').update(text).digest('hex')).toBe(
      'cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30',
    );
    expect(manifest.license).toBe('Apache-2.0');
    expect(read('README.md')).toContain('[Apache-2.0](LICENSE)');
  });
});

/** As `#fragment`, the way code hosts make them. */
function headingsOf(path: string): string[] {
  return [...read(path).matchAll(/^#+ (.+)$/gm)].map(
    ([, heading = '']) =>
      `#${heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-')}`,
  );
}
