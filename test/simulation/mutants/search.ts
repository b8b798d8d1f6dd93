/**
 * Search for a short run in which the checker of a planted fault notices it. It begins with few operations, of the kinds that
 * the checker is about.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAULTS } from '../faults.ts';
import { run } from '../run.ts';
import type { Mutant } from './mutants.ts';

/** A run that catches a planted fault. */
export interface CatchingRun {
  seed: number;
  steps: number;
  /** The names of its operations; left out: all. */
  only?: readonly string[];
}

/** Runs of so many operations, and how many seeds are tried with each. A short run takes hardly less than one of a hundred. */
const ATTEMPTS = [
  { steps: 60, seeds: 6 },
  { steps: 200, seeds: 24 },
  { steps: 500, seeds: 24 },
];

const QUEUES = ['publish', 'take', 'settle', 'stream'];
const LOGS = ['produce', 'poll', 'reread', 'delete-records'];
const GROUPS = ['produce', 'worker', 'crew', 'own-group'];
const TRANSACTIONS = ['transact', 'read-committed', 'order', 'transform', 'see-offsets'];
const KEPT = ['produce-kept', 'fetch-kept', 'grow', 'look-at-partition'];
const PUSHES = ['push-messages', 'push-records', 'push-control'];
const SHARED = ['produce-shared', 'share'];
const FEATURES = ['publish-feature', 'take-feature', 'fail', 'settle'];
const AMQP = ['amqp', 'kill-gateway'];
const EXCHANGES = ['publish-exchange', 'route', 'rebind', 'route-once', 'take'];

/** The operations that the checker is about; one that is not here is about all. */
const ABOUT: Record<string, readonly string[]> = {
  'aborted-read': TRANSACTIONS,
  'amqp-lost': AMQP,
  'amqp-order': AMQP,
  'amqp-redelivered': AMQP,
  'amqp-settled': AMQP,
  'append-time': KEPT,
  'at-most-once': ['produce', 'hasty'],
  atomicity: TRANSACTIONS,
  compaction: KEPT,
  conservation: QUEUES,
  'dead-letter': [...QUEUES, ...FEATURES],
  'dead-letter-cycle': QUEUES,
  deletion: ['fleeting'],
  'dense-offsets': LOGS,
  'due-times': QUEUES,
  'early-message': TRANSACTIONS,
  'exactly-once': TRANSACTIONS,
  'exchange-idempotence': ['route-once'],
  expiry: QUEUES,
  'fenced-commit': GROUPS,
  'fenced-producer': TRANSACTIONS,
  'fetch-from': [...LOGS, ...KEPT],
  'group-offsets': GROUPS,
  'group-owners': GROUPS,
  'group-progress': TRANSACTIONS,
  'group-quiet': GROUPS,
  'group-reads': GROUPS,
  idempotence: ['produce-once', 'transact', 'poll'],
  'inconsistent-offsets': LOGS,
  'information-flow': TRANSACTIONS,
  'intermediate-read': TRANSACTIONS,
  'key-order': QUEUES,
  lease: QUEUES,
  'length-limit': [...QUEUES, ...FEATURES],
  'log-order': LOGS,
  'lost-message': QUEUES,
  'lost-write': LOGS,
  'message-once': TRANSACTIONS,
  'monotonic-poll': LOGS,
  'pending-offsets': TRANSACTIONS,
  'push-attempts': PUSHES,
  'push-lost': PUSHES,
  'push-once': PUSHES,
  'push-order': PUSHES,
  'queue-idempotence': ['publish-once', 'take'],
  'queue-order': QUEUES,
  replay: [...FEATURES, 'replay', 'dead-letters', 'purge-dead-letters'],
  retention: KEPT,
  routing: EXCHANGES,
  schedule: ['schedule', 'take-feature'],
  settled: QUEUES,
  'share-done': SHARED,
  'share-lock': SHARED,
  'share-lost': SHARED,
  'single-consumer': QUEUES,
  steering: ['steered'],
  'stable-offset': TRANSACTIONS,
  'topic-rebirth': ['rebirth', 'produce-reborn', 'fetch-reborn'],
  'whole-batch': [...LOGS, ...KEPT],
};

/** Another order of events may hide a fault in the run that has shown it: then the seeds after it are tried. */
const SEEDS_MAX = 12;

export const CATCHING_RUNS_PATH = join(import.meta.dirname, 'catching-runs.json');

/** The runs that `npm run mutants` has found, by the name of the fault. */
export function catchingRuns(): Record<string, CatchingRun> {
  return JSON.parse(readFileSync(CATCHING_RUNS_PATH, 'utf8')) as Record<string, CatchingRun>;
}

/** Returns whether the checker notices the fault in its run, or in one of the seeds after it. */
export async function isCaughtNear(mutant: Mutant, known: CatchingRun): Promise<boolean> {
  for (let nth = 0; nth < SEEDS_MAX; nth++)
    if (await isCaught(mutant, { ...known, seed: known.seed + nth })) return true;
  return false;
}

async function isCaught(mutant: Mutant, { seed, steps, only }: CatchingRun): Promise<boolean> {
  const caught = { ...mutant, ...(only && { only }) };
  const { violations } = await run({ seed, steps, mutant: caught, faults: mutant.faults ?? FAULTS });
  return violations.some(({ checker }) => checker === mutant.checker);
}

/** Returns null if none of the attempts catches the fault. */
export async function findCatchingRun(mutant: Mutant): Promise<CatchingRun | null> {
  const about = mutant.only ?? ABOUT[mutant.checker];
  for (const only of [about, undefined]) {
    for (const { steps, seeds } of ATTEMPTS) {
      for (let seed = 1; seed <= seeds; seed++) {
        const attempt = { seed, steps, ...(only && { only }) };
        if (await isCaught(mutant, attempt)) return attempt;
      }
    }
    if (mutant.only !== undefined || about === undefined) break;
  }
  return null;
}
