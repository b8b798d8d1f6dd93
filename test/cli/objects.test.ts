/** The command for objects: files in, files out. */

import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OBJECT_PART_BYTES } from '../../protocol/limits.ts';
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

it('puts a file of many parts, which may be put again', async () => {
  const file = join(folder, 'film');
  const film = randomBytes(2 * OBJECT_PART_BYTES + 7);
  await writeFile(file, film);
  const put = await cli(['put', 'forever.film', '--file', file, '--json']);
  expect([put.code, JSON.parse(put.stdout)]).toMatchObject([
    0,
    { bytes: film.length, object: 'forever.film' },
  ]);
  expect(await cli(['put', 'forever.film', '--file', file])).toMatchObject({ code: 0 });
  const piped = await cli(['put', 'forever.film'], { stdin: new Blob([film]).stream() });
  expect(piped, 'the same from standard input').toMatchObject({ code: 0 });
  const reply = await fetch(`${broker.url}/v1/default/objects/forever.film`);
  const digest = createHash('sha256').update(film).digest('base64');
  expect(reply.headers.get('repr-digest')).toBe(`sha-256=:${digest}:`);
  expect(Buffer.from(await reply.arrayBuffer()).equals(film)).toBe(true);
});

it('says which file it cannot read', async () => {
  const ran = await cli(['put', 'forever.none', '--file', join(folder, 'none')]);
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain('--file');
});
