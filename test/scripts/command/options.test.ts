/** Options of the project's own commands: what they answer to `--help`, and to what they do not know. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });

describe.each([
  ['scripts/soak.ts', 'npm run soak'],
  ['scripts/scale.ts', 'writes nothing'],
])('%s', (command, text) => {
  it('says what it is and does nothing for --help', () => {
    const { status, stdout, stderr } = run(command, '--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(text);
    expect(stdout).not.toMatch(/^ ?\*|\*\//m);
  });
});

it('an option that a command does not know ends it with a line that names it', () => {
  const { status, stdout, stderr } = run('scripts/fuzz.ts', '--minuts', '1');
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^Unknown option '--minuts'.*\n--help says what there is\n$/s);
});
