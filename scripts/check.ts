/**
 * `npm run check`: format, lint, types, and the tests that need no runtime, in under a minute. `npm test` is the same
 * with all tests (`--all`). Paths and names given select tests and leave the rest out: `npm test -- test/core -t retention`.
 *
 * The last line is `N passed, N failed`, in which each step counts as one.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseCLI, startVitest, type Vitest } from 'vitest/node';
import { answerHelp } from './command/options.ts';

interface Totals {
  passed: number;
  failed: number;
}

const ROOT = join(import.meta.dirname, '..');

const STEPS: Record<string, string[]> = {
  format: ['oxfmt', '--check'],
  lint: ['oxlint', '--type-aware', '--deny-warnings'],
  types: ['tsc', '-p', '.'],
  'types of the dashboard': ['tsc', '-p', 'dashboard'],
};

/** Tests that start no runtime. */
const PURE_TESTS = ['test/architecture', 'test/core', 'test/protocol', 'test/wire'];

answerHelp(import.meta.filename);
const [flag, ...rest] = process.argv.slice(2);
const isAll = flag === '--all';
const selection = isAll ? rest : process.argv.slice(2);
process.chdir(ROOT);
const totals =
  selection.length > 0 ? await runTests(selection) : sum([await runSteps(), await runAllTests()]);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 ? 0 : 1);

function runAllTests(): Promise<Totals> {
  return runTests(isAll ? [] : PURE_TESTS);
}

async function runSteps(): Promise<Totals> {
  const results = await Promise.all(Object.entries(STEPS).map(([name, command]) => runStep(name, command)));
  return sum(results);
}

async function runStep(name: string, [program, ...args]: string[]): Promise<Totals> {
  const startMs = Date.now();
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
  console.log(`${code === 0 ? '✓' : '✗'} ${name} (${seconds} s)`);
  if (code === 0) return { passed: 1, failed: 0 };
  console.log(Buffer.concat(output).toString());
  if (name === 'format') console.log('npm run format puts it right\n');
  return { passed: 0, failed: 1 };
}

async function runTests(args: string[]): Promise<Totals> {
  const { filter, options } = parseCLI(['vitest', 'run', ...args]);
  const vitest = await startVitest('test', filter, { ...options, watch: false });
  const totals = count(vitest);
  await vitest.close();
  return totals;
}

/** A file that cannot be loaded and an error outside of any test count as one failure each. */
function count(vitest: Vitest): Totals {
  const modules = vitest.state.getTestModules();
  const states = modules.flatMap((module) =>
    [...module.children.allTests()].map((test) => test.result().state as string),
  );
  const skipped = states.filter((state) => state === 'skipped').length;
  if (skipped > 0) console.log(`${skipped} skipped`);
  const broken = modules.filter((module) => module.errors().length > 0).length;
  const unhandled = vitest.state.getUnhandledErrors().length;
  const none = states.length === 0 ? 1 : 0;
  return {
    passed: states.filter((state) => state === 'passed').length,
    failed: states.filter((state) => state === 'failed').length + broken + unhandled + none,
  };
}

function sum(parts: Totals[]): Totals {
  return {
    passed: parts.reduce((total, { passed }) => total + passed, 0),
    failed: parts.reduce((total, { failed }) => total + failed, 0),
  };
}
