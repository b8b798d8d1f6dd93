/** `npm run soak`: what it refuses, and how Ctrl-C ends it. `.ci/run` runs all of it. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SOAK = join(import.meta.dirname, '../../scripts/soak.ts');

it.each([['--minutes=0'], ['--minutes=soon'], ['--seed=1.5']])('refuses %s', (flag) => {
  const { status, stderr } = spawnSync(process.execPath, [SOAK, flag], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([2, '--minutes is a positive number, and --seed a whole one\n']);
});

it('ends at Ctrl-C with the seed and what was done, also when the signal comes twice', async () => {
  const child = spawn(process.execPath, [SOAK, '--minutes', '60', '--seed', '7']);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  child.kill('SIGINT');
  const [code] = (await once(child, 'close')) as [number | null];
  expect(said.trim().split('\n').at(-1)).toMatch(/^soak: seed 7, [01] passed, 0 failed$/);
  expect(code).toBe(0);
});
