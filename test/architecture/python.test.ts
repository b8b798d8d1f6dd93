/** What the Python client must share with the broker: version, limits, and the operations that it knows. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as limits from '../../protocol/limits.ts';
import { operations } from '../../protocol/operations/index.ts';
import { VERSION } from '../../protocol/version.ts';
import { ROOT } from './sources.ts';

const read = (path: string): string => readFileSync(join(ROOT, 'clients/python', path), 'utf8');

it('has the version of the broker', () => {
  expect(/^__version__ = "(.+)"$/m.exec(read('src/posthorn/_version.py'))![1]).toBe(VERSION);
});

it('has the limits of the contract', () => {
  const text = read('src/posthorn/_core/limits.py');
  const MiB = 1024 * 1024;
  const known = Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+) = ([\w *_-]+)$/gm)].map(([, name, value]) => [
      name,
      // Sums and products of numbers and MiB.
      value!
        .split('-')
        .map((part) =>
          part.split('*').reduce((product, each) => {
            const word = each.trim().replaceAll('_', '');
            return product * (word === 'MiB' ? MiB : Number(word));
          }, 1),
        )
        .reduce((difference, part) => difference - part),
    ]),
  );
  expect(Object.keys(known).length).toBeGreaterThan(12);
  const contract = Object.fromEntries(
    Object.keys(known).map((name) => [name, (limits as Record<string, unknown>)[name]]),
  );
  expect(known).toEqual(contract);
});

/** `tests/test_contract.py` checks the rest, with a broker. */
it('names each operation as a method or as left out, in clients/python/tests/test_contract.py', () => {
  const text = read('tests/test_contract.py');
  const tables = text.slice(text.indexOf('METHODS = {'), text.indexOf('REPLIES'));
  const named = [...tables.matchAll(/^ {4}"(\w+)":/gm)].map(([, id]) => id!);
  const ids = Object.values(operations)
    .filter(({ path }) => path.startsWith('/v1/') || path.startsWith('/admin/'))
    .map(({ id }) => id as string)
    // WebSockets, which its HTTP client does not have.
    .filter((id) => !/^(open|stream)[A-Z]/.test(id));
  expect(ids.filter((id) => !named.includes(id))).toEqual([]);
});
