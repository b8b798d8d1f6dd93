/** The commands of the page of the command line, as they stand, from an empty home directory. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../support/broker/test-broker.ts';

const ROOT = join(import.meta.dirname, '../..');

let broker: TestBroker;
let home: string;
beforeAll(async () => {
  broker = await TestBroker.start();
  home = await mkdtemp(join(process.env['POSTHORN_TEST_FOLDER'] ?? tmpdir(), 'posthorn-home-'));
});
afterAll(async () => {
  await broker.stop();
  await rm(home, { recursive: true, force: true });
});

it('shows commands that lead to a record and a message that are read back', async () => {
  const page = await readFile(join(ROOT, 'docs/command-line.md'), 'utf8');
  const [, block = ''] = /^```sh\n([^]*?)^```/m.exec(page)!;
  const commands = block.split('\n').filter((line) => line !== '' && !line.startsWith('posthorn dev'));
  expect(commands).toHaveLength(6);
  const posthorn = `posthorn() { "${process.execPath}" "${join(ROOT, 'sdk/cli/main.ts')}" "$@"; }`;
  const { stdout } = await promisify(execFile)('bash', ['-ec', [posthorn, ...commands].join('\n')], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, POSTHORN_URL: broker.url },
  });
  expect(stdout).toContain('"stored":1,"skipped":0}\n{"id": 7, "customer": "ada"}\n');
  expect(stdout).toContain('1 message is stored in mails\n{"to": "ada@example.com"}\n');
}, 120_000);
