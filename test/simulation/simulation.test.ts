/** The simulation with fixed seeds. `npm run soak` draws others, and `npm run sim` shrinks what fails. */

import { describe, expect, it } from 'vitest';
import { SETTLE_OUTCOMES } from '../../protocol/settlements.ts';
import { drawPlan } from './plan.ts';
import { run } from './run.ts';
import { shrink } from './shrink.ts';
import { MUTANTS } from './mutants/mutants.ts';

const SEEDS = 7;
const FIRST_SEED = 500_000;
const STEPS = 100;
/** Seeds of runs in which together everything has to happen: the first few do, until an operation is added. */
const COMPLETE_SEEDS = [25, 37, 3, 13, 7, 11];

/** Of dead letters, exchanges, schedules, and queues that come and go. */
const QUEUE_KINDS = [
  'binding',
  'letters',
  'purge-letters',
  'queue',
  'replay',
  'resend',
  'route',
  'route-once',
  'schedule',
  'steer',
];

/** Of share groups, and topics that come and go. */
const LOG_KINDS = [
  'bucket',
  'group-changed',
  'group-state',
  'hasty-poll',
  'long-poll',
  'partition-state',
  'reborn-fetch',
  'reborn-produce',
  'reborn-read',
  'share-acquire',
  'share-settle',
  'share-state',
  'topic-deleted',
];

/** Of clients that speak AMQP. */
const AMQP_KINDS = ['amqp-deliver', 'amqp-end', 'amqp-publish', 'amqp-settle'];

const KINDS = [
  'add-offsets',
  'commit-offset',
  'delete-records',
  'deliver',
  'end-transaction',
  'fetch',
  'hold-messages',
  'instance',
  'leave',
  'member',
  'produce',
  'publish',
  'publish-once',
  'purge',
  'push',
  'see-offsets',
  'settle',
  'state',
  'transform-read',
  ...AMQP_KINDS,
  ...LOG_KINDS,
  ...QUEUE_KINDS,
];

/** What brings about outcomes that a run of all operations seldom has. */
const SELDOM = ['publish-feature', 'take-feature', 'fail', 'settle'];

/** Of settlements: those that clients who keep to their deliveries can meet. */
const OUTCOMES = SETTLE_OUTCOMES.filter(
  (outcome) => !['unknown_tag', 'not_yours', 'invalid'].includes(outcome),
);

/** Many runs, on a machine that may be busy: only for one that hangs. */
const TIMEOUT_MS = 600_000;

describe('the simulation', () => {
  /** Of the first runs. */
  const traces: string[][] = [];
  const hashes: string[] = [];
  const traced = async (seed: number): Promise<{ hash: string; trace: string[]; violations: unknown[] }> => {
    const trace: string[] = [];
    const { hash, violations } = await run({ seed, steps: STEPS, onTrace: (line) => trace.push(line) });
    return { hash, trace, violations };
  };

  it(
    `keeps every promise for ${SEEDS} seeds`,
    async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        const { hash, trace, violations } = await traced(seed);
        expect(violations, `npm run sim -- --seed ${seed} --steps ${STEPS}`).toEqual([]);
        hashes.push(hash);
        traces.push(trace);
      }
    },
    TIMEOUT_MS,
  );

  it('does exactly the same for the same seed, and something else for another', async () => {
    const { hash, trace } = await traced(FIRST_SEED);
    expect(trace, `seed ${FIRST_SEED}`).toEqual(traces[0]);
    expect(hash).toBe(hashes[0]);
    expect(new Set(hashes).size).toBe(SEEDS);
  });

  it(
    'does everything that it can do, and finds the broker without fault, where nothing fails',
    async () => {
      const kinds = new Set<string>();
      const outcomes = new Set<string | null>();
      const isComplete = (): boolean =>
        KINDS.every((kind) => kinds.has(kind)) && OUTCOMES.every((outcome) => outcomes.has(outcome));
      for (const seed of COMPLETE_SEEDS) {
        if (isComplete()) break;
        const plan = [
          ...drawPlan(seed, 300),
          ...drawPlan(seed, 100, SELDOM).map((each) => ({ ...each, id: `s${each.id}` })),
        ];
        const { history, violations } = await run({ seed, steps: plan.length, plan, faults: [] });
        expect(violations, `seed ${seed}`).toEqual([]);
        for (const { kind } of history.events) kinds.add(kind);
        for (const { settlements } of history.of('settle'))
          for (const { result } of settlements) outcomes.add(result);
      }
      expect([...kinds].sort()).toEqual([...KINDS].sort());
      expect(outcomes).toEqual(new Set(OUTCOMES));
    },
    TIMEOUT_MS,
  );

  it(
    'finds a shorter run that breaks the same promise',
    async () => {
      const mutant = MUTANTS.find(({ name }) => name === 'settled-counted-twice')!;
      // Few kinds of operations, and no faults: each try is a run of its own.
      const plan = drawPlan(5, 24, ['publish', 'take', 'settle']);
      const options = { seed: 5, steps: plan.length, plan, faults: [], mutant };
      const shrunk = await shrink(options, 'conservation', 15);
      expect(shrunk!.plan.length).toBeLessThan(plan.length / 3);
      expect(shrunk!.result.violations.map(({ checker }) => checker)).toContain('conservation');
    },
    TIMEOUT_MS,
  );
});
