/** The TypeScript of docs/how-to runs as it stands, against a broker on another port. `clients/python` runs the Python. */

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../support/broker/test-broker.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'docs/how-to');

/** What the blocks of each page print, in their order. */
const OUTPUT: Record<string, string[]> = {
  'browser.md': ['ph_\n', '0\n'],
  'deploying.md': ['stored\n'],
  'exactly-once.md': ['{ paid: 12 }\n'],
  'request-and-reply.md': ["{ item: 'tea', price: 3 }\n"],
  'testing.md': ['1\n0\n'],
};

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

it.each(Object.entries(OUTPUT))('%s has code that prints %j', async (page, output) => {
  const text = readFileSync(join(FOLDER, page), 'utf8')
    .replaceAll('http://127.0.0.1:8787', broker.url)
    .replaceAll('posthorn/testing', './scripts/package/testing.ts');
  const blocks = [...text.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code = '']) => code);
  const printed: string[] = [];
  for (const block of blocks) {
    const args = ['--input-type=module-typescript', '-e', block];
    const env = { ...process.env, POSTHORN_URL: broker.url };
    printed.push((await promisify(execFile)(process.execPath, args, { cwd: ROOT, env })).stdout);
  }
  expect(printed).toEqual(output);
});

it('has at most a screen of prose on each page, and each is tested', () => {
  const pages = readdirSync(FOLDER);
  expect(pages.sort()).toEqual(Object.keys(OUTPUT));
  for (const page of pages) {
    const prose = readFileSync(join(FOLDER, page), 'utf8').replaceAll(/^```[^]*?^```/gm, '');
    expect(prose.trim().split('\n').length, page).toBeLessThanOrEqual(40);
  }
});
