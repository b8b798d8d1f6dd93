/**
 * Soak: `npm run soak -- [--minutes N] [--seed S] [--json]` looks for faults with seeds that nobody has tried yet. The
 * simulation, the planted faults, the properties, the crash tests and the fuzzer share the time. When the time is over or
 * somebody presses Ctrl-C, the soak finishes the seed or the test file that it is at. One that does not end in time is a
 * finding too, and is left. The last line has the seed, which repeats all of it. The exit code is 1 if there is a finding.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { FuzzTotals } from '../test/fuzz/fuzz.ts';
import { readOptions } from './command/options.ts';

interface Phase {
  name: string;
  /** What `passed` and `failed` count. */
  unit: string;
  /** Works until the time, or until it is stopped. */
  run(endMs: number): Promise<void>;
  passed: number;
  failed: number;
  /** What was found, with the command that repeats it. */
  findings: string[];
}

const SIMULATION_STEPS = 200;
/** A round of crash tests: the runtime is killed, and all of the broker. */
const KILLS = 2;
const CRASH_TESTS = [
  'kill',
  'exactly-once',
  'consumer-kill',
  'gateway-kill',
  'subscription-kill',
  'tier-kill',
].map((name) => `test/crash/${name}.test.ts`);
/** Where the tests are that draw, and that `npm test` runs with a fixed seed. */
const PROPERTY_TESTS = [
  'test/core',
  'test/protocol',
  'test/wire',
  'test/durable-objects/queue',
  'test/durable-objects/partition',
];
const PROGRESS_MS = 15_000;
/** The longest that a seed, a planted fault or a path of tests may take; the fuzzer has it beyond its share. */
const ENDLESS_MS = 4 * 60_000;
const SEEDS = 2 ** 30;

const ROOT = join(import.meta.dirname, '..');
const values = readOptions(import.meta.filename, {
  minutes: { type: 'string', default: '10' },
  seed: { type: 'string' },
  json: { type: 'boolean', default: false },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Math.floor(Math.random() * SEEDS) : Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error('--minutes is a positive number, and --seed a whole one');
  process.exit(2);
}

/** A terminal tells every process of its group, and the launcher of the script passes the signal on: one Ctrl-C comes twice. */
const SAME_SIGNAL_MS = 1_000;

let isStopped = false;
let child: ReturnType<typeof spawn> | undefined;
/** The child ends early at SIGINT. */
let canStopChild = false;
const say = (line: string): void => {
  if (!values.json) console.log(line);
};
let stoppedMs = 0;
/** What is being tried. */
let trying = '';
process.on('SIGINT', () => {
  if (isStopped) {
    if (Date.now() - stoppedMs > SAME_SIGNAL_MS) process.exit(130);
    return;
  }
  isStopped = true;
  stoppedMs = Date.now();
  say('stopping when what has begun is finished; Ctrl-C again leaves at once');
  if (canStopChild) child?.kill('SIGINT');
});
process.on('SIGTERM', () => process.exit(143));
process.on('exit', () => child?.pid && process.kill(-child.pid, 'SIGTERM'));

const startMs = Date.now();
const endMs = startMs + minutes * 60_000;
const phases = [
  simulation(),
  plantedFaults(),
  testing('properties', PROPERTY_TESTS, {}),
  testing('kills', CRASH_TESTS, { KILLS: String(KILLS) }),
  fuzzing(),
];
say(`npm run soak -- --seed ${seed} --minutes ${minutes}`);
const progress = setInterval(() => {
  const done = phases.filter((phase) => phase.passed + phase.failed > 0);
  say([`${minutesSince(startMs)} of ${minutes} min`, ...done.map(summaryOf), `at ${trying}`].join('; '));
}, PROGRESS_MS);
for (const [index, phase] of phases.entries()) {
  if (isStopped) break;
  await phase.run(startMs + ((endMs - startMs) * (index + 1)) / phases.length);
  say(summaryOf(phase));
}
clearInterval(progress);
const passed = phases.reduce((sum, phase) => sum + phase.passed, 0);
const failed = phases.reduce((sum, phase) => sum + phase.failed, 0);
if (values.json) {
  console.log(JSON.stringify({ seed, minutes, isStopped, passed, failed, phases }));
} else {
  console.log(`soak: seed ${seed}, ${passed} passed, ${failed} failed`);
}
process.exit(failed === 0 ? 0 : 1);

function simulation(): Phase {
  const phase = newPhase('simulation', 'seeds', async (untilMs) => {
    const { run } = await import('../test/simulation/run.ts');
    for (let next = seed; !isOver(untilMs); next++) {
      const again = `npm run sim -- --seed ${next} --steps ${SIMULATION_STEPS}`;
      trying = `seed ${next}`;
      const result = await inTime(run({ seed: next, steps: SIMULATION_STEPS }));
      const [violation] = result?.violations ?? [{ checker: 'time', message: 'the run does not end' }];
      if (!violation) phase.passed += 1;
      else fail(phase, 1, `${violation.checker}: ${violation.message}`, again);
    }
  });
  return phase;
}

/** Shows that the checkers notice what is wrong. Begins with another fault at each seed. */
function plantedFaults(): Phase {
  const phase = newPhase('planted faults', 'faults', async (untilMs) => {
    const { MUTANTS } = await import('../test/simulation/mutants/mutants.ts');
    const { catchingRuns, isCaughtNear } = await import('../test/simulation/mutants/search.ts');
    const runs = catchingRuns();
    for (let nth = 0; nth < MUTANTS.length && !isOver(untilMs); nth++) {
      const mutant = MUTANTS[(seed + nth) % MUTANTS.length]!;
      const known = runs[mutant.name];
      trying = mutant.name;
      const isCaught = known !== undefined && (await inTime(isCaughtNear(mutant, known)));
      if (isCaught) phase.passed += 1;
      else {
        const what = isCaught === null ? 'does not end' : 'is not noticed';
        fail(phase, 1, `${mutant.name} ${what}`, `npm run mutants -- ${mutant.name}`);
      }
    }
  });
  return phase;
}

/** Runs the paths one after another, so that it can end between two, and then again with the next seed. */
function testing(name: string, paths: readonly string[], env: Record<string, string>): Phase {
  const phase = newPhase(name, 'tests', async (untilMs) => {
    for (let round = 0; !isOver(untilMs); round++) {
      const path = paths[round % paths.length]!;
      const given = { ...env, SEED: String(seed + Math.floor(round / paths.length)) };
      trying = `${path} with seed ${given.SEED}`;
      const output = await outputOf(['scripts/check.ts', path], given);
      const [, good = '0', bad = '1'] = /(\d+) passed, (\d+) failed\s*$/.exec(output) ?? [];
      phase.passed += Number(good);
      if (bad === '0') continue;
      const variables = Object.entries(given).map(([key, value]) => `${key}=${value}`);
      fail(phase, Number(bad), output, `${variables.join(' ')} npm test -- ${path}`);
    }
  });
  return phase;
}

function fuzzing(): Phase {
  const phase = newPhase('fuzz', 'turns', async (untilMs) => {
    if (isOver(untilMs)) return;
    const { REQUESTS_PER_TURN } = await import('../test/fuzz/fuzz.ts');
    const time = String(Math.max(0, (untilMs - Date.now()) / 60_000));
    const output = await outputOf(['scripts/fuzz.ts', '--json', '--seed', String(seed), '--minutes', time]);
    const again = `npm run fuzz -- --seed ${seed} --minutes ${minutes}`;
    try {
      const { requests, wrong } = JSON.parse(/^\{.*\}$/m.exec(output)![0]) as FuzzTotals;
      phase.passed += Math.floor(requests / REQUESTS_PER_TURN);
      for (const what of wrong) fail(phase, 1, what, again);
    } catch {
      fail(phase, 1, output, again);
    }
  });
  return phase;
}

/** Returns null if it has not ended in time. What goes on then is left to itself. */
function inTime<T>(work: Promise<T>): Promise<T | null> {
  const waiting = Promise.withResolvers<null>();
  const timer = setTimeout(() => waiting.resolve(null), ENDLESS_MS);
  return Promise.race([work, waiting.promise]).finally(() => clearTimeout(timer));
}

function newPhase(name: string, unit: string, runUntil: Phase['run']): Phase {
  return { name, unit, run: runUntil, passed: 0, failed: 0, findings: [] };
}

function minutesSince(ms: number): string {
  return ((Date.now() - ms) / 60_000).toFixed(1);
}

function isOver(untilMs: number): boolean {
  return isStopped || Date.now() >= untilMs;
}

function fail(phase: Phase, count: number, what: string, again: string): void {
  phase.failed += count;
  phase.findings.push(`${what}\nagain: ${again}`);
  say(`\n${what}\nagain: ${again}\n`);
}

function summaryOf({ name, unit, passed: good, failed: bad }: Phase): string {
  return `${name}: ${good} ${unit} passed, ${bad} failed`;
}

/**
 * Runs a script of the project in a process group of its own, which Ctrl-C does not reach. One that does not end is killed
 * after so many milliseconds, and its output says so.
 */
async function outputOf(
  args: string[],
  env: Record<string, string> = {},
  limitMs = ENDLESS_MS,
): Promise<string> {
  const started = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  child = started;
  canStopChild = args.includes('scripts/fuzz.ts');
  let output = '';
  for (const stream of [started.stdout, started.stderr])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const killer = setTimeout(() => {
    output += `\nkilled: it has not ended within ${Math.round(limitMs / 1_000)} s\n`;
    process.kill(-started.pid!, 'SIGKILL');
  }, limitMs);
  await new Promise((resolve) => started.on('close', resolve));
  clearTimeout(killer);
  child = undefined;
  return output;
}
