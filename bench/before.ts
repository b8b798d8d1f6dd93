/**
 * Benchmark against an earlier state of the project: both run in turn in one run, so that their ratio says what has
 * changed. The earlier one is checked out beside the results, with the packages of today.
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startBroker } from '../scripts/broker/broker.ts';
import { median } from './runtime/client.ts';
import { batchOfRecords, posthornRound } from './log/log.ts';
import { posthornHttpRound } from './queue/queue.ts';
import { withRuntime, type Start } from './runtime/runtime.ts';

const ROOT = join(import.meta.dirname, '..');
const run = promisify(execFile);

/** Where the script that starts a broker is, and where it was. */
const STARTERS = ['scripts/broker/broker.ts', 'scripts/broker.ts'];

/** Of one round: rates per second, and rows written. */
type Figures = Record<string, number>;

export interface BeforeResult {
  ref: string;
  commit: string;
  rounds: { before: Figures; now: Figures }[];
  /** Now over before, medians of the rounds' pairs. */
  ratio: Figures;
}

export async function benchBefore(
  ref: string,
  sizes: { records: number; messages: number; rounds: number },
  progress: (text: string) => void,
): Promise<BeforeResult> {
  const { commit, start } = await checkedOut(ref);
  const rounds: BeforeResult['rounds'] = [];
  for (let round = 0; round < sizes.rounds; round++) {
    progress(`round ${round + 1} of ${sizes.rounds}`);
    const both = [
      ['before', start],
      ['now', startBroker],
    ] as const;
    const figures: Partial<Record<'before' | 'now', Figures>> = {};
    for (const [name, starts] of round % 2 === 0 ? both : both.toReversed())
      figures[name] = await measure(starts, sizes);
    rounds.push(figures as { before: Figures; now: Figures });
  }
  const ratio = Object.fromEntries(
    Object.keys(rounds[0]!.now).map((name) => [
      name,
      median(rounds.map(({ before, now }) => now[name]! / before[name]!)),
    ]),
  );
  return { ref, commit, rounds, ratio };
}

export function printBefore({ ref, commit, rounds, ratio }: BeforeResult): void {
  console.log(`\nNow and before (${ref}, ${commit.slice(0, 12)}), rates per second`);
  const inWhole = (figures: Figures): Figures =>
    Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(4))]));
  console.table(
    rounds.flatMap(({ before, now }) => [
      { state: 'before', ...inWhole(before) },
      { state: 'now', ...inWhole(now) },
    ]),
  );
  console.log('ratio, now over before:', inWhole(ratio));
}

async function measure(
  start: Start,
  { records, messages }: { records: number; messages: number },
): Promise<Figures> {
  const log = await withRuntime(start, (client) => posthornRound(client, batchOfRecords(), records));
  const small = await posthornHttpRound(messages, 100, start);
  const large = await posthornHttpRound(messages, 1_000, start);
  return {
    produce: log.produce,
    consume: log.consume,
    'log rows': log.rowsWritten,
    'queue by 100': small.rate,
    'queue by 1,000': large.rate,
    'queue rows': large.rowsPerMessage!,
  };
}

/** The tree of a commit in dist/bench, where its own scripts build and start its broker. */
export async function checkedOut(ref: string): Promise<{ commit: string; start: Start }> {
  const { stdout } = await run('git', ['rev-parse', '--verify', `${ref}^{commit}`], { cwd: ROOT }).catch(
    () => {
      throw new Error(`${ref} is no commit of this repository`);
    },
  );
  const commit = stdout.trim();
  const path = join(ROOT, 'dist/bench', commit);
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  const archive = join(path, 'tree.tar');
  await run('git', ['archive', '-o', archive, commit], { cwd: ROOT });
  await run('tar', ['-xf', archive, '-C', path]);
  await rm(archive);
  await symlink(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  const script = STARTERS.map((name) => join(path, name)).find((name) => existsSync(name));
  if (script === undefined) throw new Error(`${ref} has none of ${STARTERS.join(', ')} to start its broker`);
  const { startBroker: start } = (await import(script)) as { startBroker: Start };
  return { commit, start };
}
