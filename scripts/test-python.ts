/**
 * `npm run test:python`: the Python client's format, lint, types and tests, against a broker of its own. It makes a virtual
 * environment in `clients/python/.venv` with the pinned packages of `requirements-dev.txt`, when these have changed.
 * Arguments go to pytest: `npm run test:python -- tests/test_consumer.py`.
 *
 * Exit code 3: it cannot run on this machine (no Python, no `venv`, no package index).
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../clients/python');
const VENV = join(FOLDER, '.venv');
const BIN = join(VENV, process.platform === 'win32' ? 'Scripts' : 'bin');
const REQUIREMENTS = join(FOLDER, 'requirements-dev.txt');

/** Says what the environment was made of. */
const STAMP = join(VENV, '.posthorn-installed');

const CANNOT_RUN = 3;
const VERSION_CHECK = 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))';

const STEPS: Record<string, string[]> = {
  format: ['ruff', 'format', '--check', '--quiet', '.'],
  lint: ['ruff', 'check', '--quiet', '.'],
  types: ['mypy', '--no-error-summary'],
};

await main(process.argv.slice(2));

async function main(args: string[]): Promise<void> {
  await prepare();
  let failed = 0;
  for (const [name, [program, ...rest]] of Object.entries(STEPS)) {
    const startMs = Date.now();
    const code = await run(join(BIN, program!), rest);
    console.log(`${code === 0 ? '✓' : '✗'} ${name} (${((Date.now() - startMs) / 1000).toFixed(1)} s)`);
    if (code !== 0) failed++;
  }
  if ((await run(join(BIN, 'pytest'), args)) !== 0) failed++;
  process.exit(failed === 0 ? 0 : 1);
}

async function prepare(): Promise<void> {
  const python = process.env['PYTHON'] ?? 'python3';
  const stamp = createHash('sha256')
    .update(`${python} ${readFileSync(REQUIREMENTS, 'utf8')}`)
    .digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return;
  if ((await run(python, ['-c', VERSION_CHECK])) !== 0)
    cannotRun(`${python} is not Python 3.10 or newer with venv. On Debian: apt-get install python3-venv`);
  rmSync(VENV, { recursive: true, force: true });
  if ((await run(python, ['-m', 'venv', VENV])) !== 0)
    cannotRun('no virtual environment could be made. On Debian: apt-get install python3-venv');
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS];
  if ((await run(join(BIN, 'python'), install)) !== 0) cannotRun('pip could not install the pinned packages');
  writeFileSync(STAMP, stamp);
}

function cannotRun(why: string): never {
  console.error(`posthorn: the Python client cannot be tested here: ${why}`);
  process.exit(CANNOT_RUN);
}

/** @returns its exit code, or -1 if it could not be started */
function run(program: string, args: string[]): Promise<number> {
  // The broker of the tests runs under the project's Node.
  const env = { ...process.env, POSTHORN_NODE: process.execPath };
  const child = spawn(program, args, { cwd: FOLDER, env, stdio: 'inherit' });
  return new Promise((resolve) => {
    child.on('error', () => resolve(-1));
    child.on('close', (code) => resolve(code ?? -1));
  });
}
