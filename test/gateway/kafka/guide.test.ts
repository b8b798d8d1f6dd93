/** The program of the guide for kafkajs, as it stands there, against a gateway on another port. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KafkaBroker } from './support/support.ts';

const ROOT = join(import.meta.dirname, '../../..');

let kafka: KafkaBroker;
let folder: string;
beforeAll(async () => {
  kafka = await KafkaBroker.start({ autoCreate: true });
  // Below the project, so that the program finds kafkajs.
  folder = await mkdtemp(join(ROOT, 'node_modules/.kafka-guide-'));
});
afterAll(async () => {
  await kafka?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('produces a record and consumes it in a group', async () => {
  const page = await readFile(join(ROOT, 'docs/guides/from-kafka.md'), 'utf8');
  const [, program = ''] = /^```js\n([^]*?)^```/m.exec(page)!;
  const script = join(folder, 'program.mjs');
  await writeFile(script, program.replace('127.0.0.1:9092', `127.0.0.1:${kafka.server.port}`));
  const { promise, resolve } = Promise.withResolvers<void>();
  let output = '';
  const child = execFile(process.execPath, [script], () => resolve());
  child.stdout!.on('data', (chunk: string) => {
    output += chunk;
    if (output.includes('ada one book\n')) child.kill();
  });
  await promise;
  expect(output).toContain('ada one book\n');
});
