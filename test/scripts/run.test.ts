/** `scripts/run.mjs` in a project of its own, with an npm that only pretends to install. */

import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive, until } from '../support/broker/serve-process.ts';

const RUN = join(import.meta.dirname, '../../scripts/run.mjs');

/** Begins as npm ci does, by removing everything, and leaves a count and what it was asked. */
const NPM = `#!/bin/sh
echo "$@" >> npm-calls
rm -rf node_modules
[ -e npm-fails ] && echo 'network unreachable' >&2 && exit 7
mkdir -p node_modules/node/bin
[ -e npm-hangs ] && echo hanging && exec sleep 60
[ -e npm-ignores-scripts ] || ln -s "${process.execPath}" node_modules/node/bin/node
`;

let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'posthorn-run-'));
  mkdirSync(join(project, 'scripts'));
  mkdirSync(join(project, 'bin'));
  cpSync(RUN, join(project, 'scripts/run.mjs'));
  write('bin/npm', NPM);
  chmodSync(join(project, 'bin/npm'), 0o755);
  write('package-lock.json', '{"packages":{"":{},"node_modules/node":{"version":"24.0.0"}}}');
  write('say.ts', 'const words: string[] = process.argv.slice(2); console.log(words.join(" "));');
});

afterEach(() => rmSync(project, { recursive: true, force: true }));

function write(path: string, text: string): void {
  writeFileSync(join(project, path), text);
}

const env = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${join(project, 'bin')}:${process.env['PATH']}`,
});

function run(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, ['scripts/run.mjs', ...args], {
    cwd: project,
    env: env(),
    encoding: 'utf8',
  });
}

function npmCalls(): string[] {
  const path = join(project, 'npm-calls');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

describe('run.mjs', () => {
  it('installs once, saying so, and runs the script with its arguments', () => {
    const first = run('say.ts', 'hello', '--flag', 'two words');
    expect(first.stdout).toBe('hello --flag two words\n');
    expect(first.stderr).toMatch(/^posthorn: installing packages .*\nposthorn: installed in \d+ s\n$/);
    expect(npmCalls()).toEqual(['ci --include=dev --include=optional --no-audit --no-fund']);
    const second = run('say.ts', 'again');
    expect(second.stdout).toBe('again\n');
    expect(second.stderr).toBe('');
    expect(npmCalls()).toHaveLength(1);
  });

  it('passes options of Node on that stand before the script', () => {
    write('heap.ts', 'console.log(process.execArgv.join(" "), process.argv.slice(2).join(" "))');
    const { stdout } = run('--max-old-space-size=64', '--no-warnings', 'heap.ts', '--json');
    expect(stdout).toBe('--max-old-space-size=64 --no-warnings --json\n');
  });

  it('installs again when the lock file has changed', () => {
    run('say.ts');
    write('package-lock.json', '{"packages":{"":{},"node_modules/node":{"version":"24.0.1"}}}');
    run('say.ts');
    expect(npmCalls()).toHaveLength(2);
  });

  it('takes over what npm ci has installed before', () => {
    run('say.ts');
    rmSync(join(project, 'node_modules/.posthorn-installed'));
    write('node_modules/.package-lock.json', '{"packages":{"node_modules/node":{"version":"24.0.0"}}}');
    expect(run('say.ts').stderr).toBe('');
    expect(npmCalls()).toHaveLength(1);
    rmSync(join(project, 'node_modules/.posthorn-installed'));
    write('node_modules/.package-lock.json', '{"packages":{"node_modules/node":{"version":"23.0.0"}}}');
    run('say.ts');
    expect(npmCalls()).toHaveLength(2);
  });

  it('repairs an install that was interrupted', async () => {
    write('npm-hangs', '');
    const child = spawn(process.execPath, ['scripts/run.mjs', 'say.ts'], { cwd: project, env: env() });
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (!existsSync(join(project, 'node_modules/node/bin'))) return;
        clearInterval(look);
        resolve();
      }, 10);
    });
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(130);
    rmSync(join(project, 'npm-hangs'));
    expect(run('say.ts', 'repaired').stdout).toBe('repaired\n');
    expect(npmCalls()).toHaveLength(2);
  });

  it('says what npm said when the install fails', () => {
    write('npm-fails', '');
    const { status, stderr } = run('say.ts');
    expect(status).toBe(1);
    expect(stderr).toContain('network unreachable');
    expect(stderr).toContain('posthorn: npm ci failed, see above. Is the network there?');
    rmSync(join(project, 'npm-fails'));
    expect(run('say.ts', 'works').stdout).toBe('works\n');
  });

  it('says so when npm is told to run no install scripts, which bring the Node', () => {
    write('npm-ignores-scripts', '');
    const { status, stderr } = run('say.ts');
    expect(status).toBe(1);
    expect(stderr).toContain('Does your npm configuration say ignore-scripts?');
  });

  it('passes exit codes on', () => {
    write('seven.ts', 'process.exit(7);');
    expect(run('seven.ts').status).toBe(7);
    write('killed.ts', 'process.kill(process.pid, "SIGKILL");');
    expect(run('killed.ts').status).toBe(137);
  });

  it('ends with the process that npm started it in, which may pass no signals on', async () => {
    write(
      'wait.ts',
      `setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit()); console.log(process.pid);`,
    );
    run('say.ts');
    const command = `"${process.execPath}" scripts/run.mjs wait.ts; true`;
    const shell = spawn('/bin/sh', ['-c', command], {
      cwd: project,
      env: { ...env(), npm_lifecycle_event: 'start' },
    });
    const pid = Number(await new Promise((resolve) => shell.stdout.once('data', resolve)));
    shell.kill('SIGTERM');
    await until('it has ended', () => !isAlive(pid));
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('passes %s on, and waits', async (signal) => {
    write(
      'wait.ts',
      `process.on('${signal}', () => setTimeout(() => process.exit(3), 100)); setInterval(() => {}, 1000); console.log('ready');`,
    );
    run('say.ts');
    const child = spawn(process.execPath, ['scripts/run.mjs', 'wait.ts'], { cwd: project, env: env() });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill(signal);
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(3);
  });
});
