import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROUTES = join(import.meta.dirname, '../../../workers/routes');

it('each rare module binds the calls that it is loaded for, and no other', async () => {
  const table = await readFile(join(ROUTES, 'rare-routes.ts'), 'utf8');
  const rows = [
    ...table.matchAll(/\[\s*\[([^\]]*)\],\s*async \(\) => \(await import\('\.\/([\w-]+)\.ts'\)\)/g),
  ];
  expect(rows.length).toBeGreaterThan(20);
  for (const [, ids = '', module] of rows) {
    const text = await readFile(join(ROUTES, `${module}.ts`), 'utf8');
    const bound = [...text.matchAll(/\bbind\(\s*app,\s*calls\.(\w+)/g)].map(([, id]) => id);
    const listed = [...ids.matchAll(/'(\w+)'/g)].map(([, id]) => id);
    expect([module, bound.toSorted()]).toEqual([module, listed.toSorted()]);
  }
  const modules = rows.map(([, , module]) => module);
  const exporting: string[] = [];
  for (const file of await readdir(ROUTES)) {
    const text = await readFile(join(ROUTES, file), 'utf8');
    if (/\bbind\(\s*app,\s*calls\./.test(text)) exporting.push(file.replace('.ts', ''));
  }
  const atOnce = exporting.filter((name) => !modules.includes(name));
  expect(atOnce).toEqual(['fetch', 'produce', 'publish', 'queue-messages']);
});
