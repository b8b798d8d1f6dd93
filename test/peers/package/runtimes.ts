/**
 * The package on other runtimes, and as its judges see it: installed from the registry's tools into an empty project, run by Node 20
 * (if it is this machine's), Deno and Bun against a broker, and looked at by `publint` and `attw`. Exits with 1 if one finds fault.
 * It needs the network.
 *
 *   npm run peer:package
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TestBroker } from '../../support/broker/test-broker.ts';

const ROOT = join(import.meta.dirname, '../../..');
const TOOLS = {
  deno: '2.9.6',
  bun: '1.4.5',
  publint: '0.3.25',
  '@arethetypeswrong/cli': '0.18.5',
};
const MS_MAX = 120_000;

const exec = promisify(execFile);
const project = await mkdtemp(join(tmpdir(), 'posthorn-runtimes-'));
const bin = (name: string): string => join(project, 'node_modules/.bin', name);

async function run(name: string, command: string, args: string[], env: object = {}): Promise<string> {
  console.log(`${name} ...`);
  try {
    const options = { cwd: project, env: { ...process.env, ...env }, timeout: MS_MAX };
    return (await exec(command, args, options)).stdout.trim();
  } catch (error) {
    const { message, stdout } = error as Error & { stdout: string };
    throw new Error(`${name}: ${message}\n${stdout}`, { cause: error });
  }
}

try {
  await run('build', process.execPath, [join(ROOT, 'scripts/package/build.ts')]);
  const pack = ['pack', ROOT, '--json', '--ignore-scripts', '--pack-destination', project];
  const [{ filename }] = JSON.parse(await run('pack', 'npm', pack)) as [{ filename: string }];
  const tools = Object.entries(TOOLS).map(([name, version]) => `${name}@${version}`);
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ private: true, type: 'module', allowScripts: { deno: true, bun: true } }),
  );
  await run('install', 'npm', ['install', '--no-audit', '--no-fund', `./${filename}`, ...tools]);
  await copyFile(join(import.meta.dirname, 'app.mjs'), join(project, 'app.mjs'));

  const runtimes: Record<string, [string, ...string[]]> = {
    'the Node of the machine': ['/usr/bin/env', 'node', 'app.mjs'],
    'the Node of the project': [process.execPath, 'app.mjs'],
    Deno: [bin('deno'), 'run', '--allow-all', 'app.mjs'],
    Bun: [bin('bun'), 'run', 'app.mjs'],
  };
  for (const [name, [command, ...args]] of Object.entries(runtimes)) {
    const broker = await TestBroker.start({ own: `what ${name} leaves is nobody else's` });
    try {
      const printed = await run(name, command, args, { POSTHORN_URL: broker.url });
      assert.deepEqual(JSON.parse(printed), { read: 500, consumed: 500, failures: 1 }, name);
    } finally {
      await broker.stop();
    }
  }
  console.log(await run('publint', bin('publint'), ['node_modules/posthorn', '--strict']));
  await run('attw', bin('attw'), [filename, '--profile', 'esm-only']);
  console.log('all is well');
} finally {
  await rm(project, { recursive: true, force: true });
}
