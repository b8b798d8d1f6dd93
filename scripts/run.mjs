/**
 * Runs a script of the project under the Node that the project itself brings, and before that installs what is missing:
 * `node scripts/run.mjs [options of Node] <script> [arguments]`. Every command of package.json goes through here. Itself it needs no
 * package and nothing newer than Node 20, so that a fresh checkout on a bare machine works at once.
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 20;
const OUTPUT_LINES_MAX = 30;
const PARENT_CHECK_MS = 200;

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const binaries = join(modules, '.bin');
const node = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** Says which lock file was installed in full. `npm ci` begins by removing it together with all else. */
const stampPath = join(modules, '.posthorn-installed');

/** Where Node keeps what it has compiled, a file for each module. */
const compileCache = join(modules, '.posthorn-compile-cache');

await main();

async function main() {
  const given = process.argv.slice(2);
  const at = given.findIndex((argument) => !argument.startsWith('--'));
  if (at < 0) fail('usage: node scripts/run.mjs [options of Node] <script> [arguments]');
  const [script, ...args] = given.slice(at);
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
    fail(`Node ${NODE_MAJOR_MIN} or newer is needed to set the project up; this is ${process.versions.node}`);
  }
  const lock = readFileSync(join(root, 'package-lock.json'));
  const stamp = stampOf(lock);
  if (!isInstalled(stamp)) {
    if (isInstalledByHand(lock)) writeFileSync(stampPath, stamp);
    else await install(stamp);
  }
  const env = {
    ...process.env,
    PATH: [binaries, ...pathWithoutBinaries()].join(delimiter),
    // wrangler asks otherwise.
    WRANGLER_SEND_METRICS: 'false',
    // Types are taken out of a file once, and not by each process: a command starts in half of the time.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compileCache,
  };
  const { code, signal } = await run(node, [...given.slice(0, at), resolve(root, script), ...args], {
    env,
    stdio: 'inherit',
  });
  if (signal) process.exit(128 + constants.signals[signal]);
  process.exit(code);
}

/** The platform is part of it: a folder may be shared with a container of another system. */
function stampOf(lock) {
  return `${process.platform}-${process.arch} ${createHash('sha256').update(lock).digest('hex')}\n`;
}

function isInstalled(stamp) {
  try {
    return readFileSync(stampPath, 'utf8') === stamp && existsSync(node);
  } catch {
    return false;
  }
}

/** npm writes a lock file of its own into the folder when an install is complete; the root's entry is not in it. */
function isInstalledByHand(lock) {
  try {
    const { '': _, ...wanted } = JSON.parse(lock).packages;
    const found = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages;
    return (
      existsSync(node) &&
      Object.keys(found).every((path) => path in wanted) &&
      Object.entries(wanted).every(
        ([path, { version, optional }]) =>
          found[path]?.version === version || (optional && found[path] === undefined),
      )
    );
  } catch {
    return false;
  }
}

async function install(stamp) {
  const startMs = Date.now();
  console.error('posthorn: installing packages with npm ci, this once ...');
  const output = [];
  const options = {
    cwd: root,
    // npm must not run on the very Node that it is about to replace.
    env: { ...process.env, PATH: pathWithoutBinaries().join(delimiter) },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  };
  // Development packages too, whatever NODE_ENV says: the runtime is one of them.
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const { code, signal } = await run('npm', args, options, (chunk) => output.push(chunk));
  if (signal) process.exit(128 + constants.signals[signal]);
  if (code !== 0) {
    // Its warnings are many and beside the point.
    const lines = output.join('').split('\n');
    const said = lines.filter((line) => line.trim() !== '' && !line.startsWith('npm warn'));
    console.error(said.slice(0, OUTPUT_LINES_MAX).join('\n'));
    fail('npm ci failed, see above. Is the network there? Run the command again to go on');
  }
  if (!existsSync(node)) {
    fail('npm ci left out the Node of the project. Does your npm configuration say ignore-scripts?');
  }
  writeFileSync(stampPath, stamp);
  console.error(`posthorn: installed in ${Math.round((Date.now() - startMs) / 1000)} s`);
}

/** Resolves when the child ends; passes on the signals that ask it to. */
function run(command, args, options, onOutput) {
  return new Promise((done) => {
    // Before the child begins, or a signal that comes at once would end this process alone.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    const child = spawn(command, args, options);
    stopWithNpm(child);
    child.stdout?.on('data', onOutput);
    child.stderr?.on('data', onOutput);
    child.on('error', (error) => fail(`cannot run ${command}: ${error.message}`));
    child.on('close', (code, signal) => done({ code, signal }));
  });
}

/**
 * npm that is killed passes nothing on, and where a shell stands between (the commands of package.json replace theirs by
 * `exec`) a signal may end only that. So the end of the parent is a signal too.
 */
function stopWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const check = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(check);
    child.kill('SIGTERM');
  }, PARENT_CHECK_MS);
  check.unref();
}

function pathWithoutBinaries() {
  return (process.env.PATH ?? '').split(delimiter).filter((entry) => resolve(entry) !== binaries);
}

function fail(message) {
  console.error(`posthorn: ${message}`);
  process.exit(1);
}
