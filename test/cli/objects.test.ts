/** The command for objects: files in, files out. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../support/broker/test-broker.ts';
import { posthorn, type Ran, type RunOptions } from './harness.ts';

let broker: TestBroker;
let folder: string;
beforeAll(async () => {
  broker = await TestBroker.start();
  folder = await mkdtemp(join(process.env['POSTHORN_TEST_FOLDER'] ?? tmpdir(), 'posthorn-cli-'));
});
afterAll(async () => {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

const cli = (words: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  posthorn(['objects', ...words], { ...options, env: { POSTHORN_URL: broker.url } });

it('puts a file or standard input, lists, gets and deletes', async () => {
  const file = join(folder, 'large.txt');
  const text = 'large '.repeat(500_000);
  await writeFile(file, text);
  expect(await cli(['put', 'forever.file', '--file', file])).toMatchObject({ code: 0 });
  expect(await cli(['put', 'forever.stdin'], { stdin: 'from a pipe' })).toMatchObject({ code: 0 });
  expect((await cli(['get', 'forever.file'])).stdout).toBe(text);
  expect((await cli(['get', 'forever.stdin'])).stdout).toBe('from a pipe');
  expect((await cli(['ls'])).stdout).toContain('forever.stdin');
  expect(await cli(['delete', 'forever.stdin'])).toMatchObject({ code: 0 });
  const gone = await cli(['get', 'forever.stdin']);
  expect(gone.code).not.toBe(0);
  expect(gone.stderr).toContain('does not exist');
});

it('says which file it cannot read', async () => {
  const ran = await cli(['put', 'forever.none', '--file', join(folder, 'none')]);
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain('--file');
});
