/**
 * `npm run sim -- --seed N --steps M [--seeds K] [--faults list] [--only names] [--operations ids] [--luck L] [--mutant name] [--trace] [--json]`:
 * runs the simulation (docs/simulation.md) for K seeds from N on, with M operations each. A failure is shrunk, and printed
 * with its trace and the command that repeats it. Ends with 1 if a promise was broken.
 */

import { FAULTS, isFault, type Fault } from '../test/simulation/faults.ts';
import { MUTANTS } from '../test/simulation/mutants/mutants.ts';
import { drawPlan } from '../test/simulation/plan.ts';
import { run, type RunOptions } from '../test/simulation/run.ts';
import { shrink } from '../test/simulation/shrink.ts';
import { OPERATIONS } from '../test/simulation/workload/operations.ts';
import { readOptions } from './command/options.ts';

const PROGRESS_MS = 2_000;
const SHRINK_RUNS_MAX = 600;
const TRACE_LINES_MAX = 120;

const values = readOptions(import.meta.filename, {
  seed: { type: 'string' },
  steps: { type: 'string', default: '1000' },
  seeds: { type: 'string', default: '1' },
  faults: { type: 'string' },
  only: { type: 'string' },
  operations: { type: 'string' },
  luck: { type: 'string', default: '0' },
  mutant: { type: 'string' },
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
});

const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const steps = Number(values.steps);
const seeds = Number(values.seeds);
const faults = readFaults(values.faults);
const only = readOnly(values.only);
const mutant = MUTANTS.find(({ name }) => name === values.mutant);
if (![first, steps, seeds].every(Number.isSafeInteger)) fail('--seed, --steps and --seeds are whole numbers');
if (values.mutant !== undefined && !mutant) {
  fail(`there is no mutant ${values.mutant}; there are ${MUTANTS.map(({ name }) => name).join(', ')}`);
}

const say = (line: string): void => {
  if (!values.json) console.log(line);
};
const totals = { seeds: 0, operations: 0, events: 0, faults: 0 };
const failed: {
  seed: number;
  checkers: string[];
  operations: string[];
  faults: readonly Fault[];
  command: string;
}[] = [];
const startMs = performance.now();
let progressMs = startMs;
say(
  `seeds ${first} to ${first + seeds - 1}, ${steps} operations each, faults: ${faults.join(', ') || 'none'}`,
);
for (let seed = first; seed < first + seeds; seed++) {
  const options = optionsFor(seed);
  const result = await run({ ...options, onTrace: values.trace ? say : countFaults });
  totals.seeds += 1;
  totals.operations += result.operations;
  totals.events += result.events;
  if (result.violations.length > 0) await report(options, result.violations[0]!);
  if (performance.now() - progressMs > PROGRESS_MS) {
    progressMs = performance.now();
    say(summary());
  }
}
if (values.json) console.log(JSON.stringify({ first, steps, ...totals, seconds: seconds(), failed }));
else say(`${summary()}${failed.length === 0 ? ', no promise broken' : ''}`);
process.exit(failed.length === 0 ? 0 : 1);

function optionsFor(seed: number): RunOptions {
  const ids = values.operations?.split(',');
  const plan = drawPlan(seed, steps, only).filter(({ id }) => ids?.includes(id) ?? true);
  return {
    seed,
    steps,
    faults,
    luck: Number(values.luck),
    plan,
    ...(mutant && { mutant }),
  };
}

async function report(
  options: RunOptions,
  { checker, message }: { checker: string; message: string },
): Promise<void> {
  say(`\nseed ${options.seed} breaks ${checker}: ${message}\nlooking for a shorter run ...`);
  const shrunk = await shrink(options, checker, SHRINK_RUNS_MAX);
  if (!shrunk) fail(`seed ${options.seed} does not fail again: the simulation is not deterministic`);
  const { plan } = shrunk;
  const trace: string[] = [];
  const again = { ...options, faults: shrunk.faults, plan, luck: shrunk.luck };
  const { violations } = await run({ ...again, onTrace: (line) => trace.push(line) });
  const healed = trace.findIndex((line) => line.endsWith('  healed'));
  const shown = trace.slice(0, healed < 0 ? undefined : healed + 1);
  const begin = Math.max(0, shown.length - TRACE_LINES_MAX);
  const operations = plan.map(({ id, name }) => `${id} (${name})`);
  const command = [
    `npm run sim -- --seed ${options.seed} --steps ${steps} --trace`,
    ` --faults ${shrunk.faults.join(',') || 'none'} --operations ${plan.map(({ id }) => id).join(',')} --luck ${shrunk.luck}`,
    only ? ` --only ${only.join(',')}` : '',
    mutant ? ` --mutant ${mutant.name}` : '',
  ].join('');
  say(`${operations.length} operations are enough, after ${shrunk.runs} runs: ${operations.join(', ')}`);
  for (const line of shown.slice(begin)) say(line.slice(0, 300));
  for (const violation of violations.slice(0, 5)) say(`${violation.checker}: ${violation.message}`);
  say(`again: ${command}\n`);
  failed.push({
    seed: options.seed,
    checkers: [...new Set(violations.map((one) => one.checker))],
    operations,
    faults: shrunk.faults,
    command,
  });
}

function countFaults(line: string): void {
  if (line.includes('  fault: ')) totals.faults += 1;
}

function readFaults(text: string | undefined): readonly Fault[] {
  if (text === undefined) return FAULTS;
  if (text === '' || text === 'none') return [];
  const names = text.split(',');
  const unknown = names.find((name) => !isFault(name));
  if (unknown !== undefined) fail(`there is no fault ${unknown}; there are ${FAULTS.join(', ')}, and none`);
  return names.filter(isFault);
}

function readOnly(text: string | undefined): string[] | undefined {
  const names = text?.split(',');
  const known = OPERATIONS.map(({ name }) => name);
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) fail(`there is no operation ${unknown}; there are ${known.join(', ')}`);
  return names;
}

function seconds(): number {
  return Number(((performance.now() - startMs) / 1_000).toFixed(1));
}

function summary(): string {
  const rate = Math.round(totals.operations / Math.max(0.1, seconds()));
  return `${totals.seeds}/${seeds} seeds, ${totals.operations} operations, ${totals.events} events, ${totals.faults} faults, ${failed.length} failed, ${seconds()} s, ${rate} operations/s`;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
