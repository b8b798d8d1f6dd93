/** Fresh seeds at every run; the first is printed. `npm run sim` runs more, and shrinks what fails. */

import { describe, expect, it } from 'vitest';
import { drawPlan } from './plan.ts';
import { run } from './run.ts';
import { shrink } from './shrink.ts';
import { MUTANTS } from './mutants/mutants.ts';

const SEEDS = 10;
/** Fixed, so that the suite says the same each time; `npm run sim` draws others. */
const FIRST_SEED = 500_000;
const STEPS = 100;

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
];

/** Of share groups, and topics that come and go. */
const LOG_KINDS = [
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

/** Many runs, on a machine that may be busy: only for one that hangs. */
const TIMEOUT_MS = 600_000;

describe('the simulation', () => {
  it(
    `keeps every promise for ${SEEDS} seeds`,
    async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        const { violations } = await run({ seed, steps: STEPS });
        expect(violations, `npm run sim -- --seed ${seed} --steps ${STEPS}`).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );

  it('does exactly the same for the same seed, and something else for another', async () => {
    const traced = async (seed: number): Promise<{ hash: string; trace: string[] }> => {
      const trace: string[] = [];
      const { hash } = await run({ seed, steps: 200, onTrace: (line) => trace.push(line) });
      return { hash, trace };
    };
    const seed = Math.floor(Math.random() * 2 ** 30);
    const [once, twice, other] = [await traced(seed), await traced(seed), await traced(seed + 1)];
    expect(twice.trace, `seed ${seed}`).toEqual(once.trace);
    expect(twice.hash).toBe(once.hash);
    expect(other.hash).not.toBe(once.hash);
  });

  // With the planted faults: its plan has to be chosen anew whenever an operation is added (`npm run mutants`).
  it.runIf(process.env['POSTHORN_MUTANTS'])(
    'does everything that it can do, and finds the broker without fault, where nothing fails',
    async () => {
      const { history, violations } = await run({ seed: 1, steps: 1_000, faults: [] });
      expect(violations).toEqual([]);
      const kinds = new Set(history.events.map(({ kind }) => kind));
      expect([...kinds].sort()).toEqual(
        [
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
          'see-offsets',
          'settle',
          'state',
          'transform-read',
          ...LOG_KINDS,
          ...QUEUE_KINDS,
        ].sort(),
      );
      const outcomes = history
        .of('settle')
        .flatMap(({ settlements }) => settlements.map(({ result }) => result));
      expect(new Set(outcomes)).toEqual(
        new Set([
          'settled',
          'requeued',
          'parked',
          'dead_lettered',
          'dropped',
          'extended',
          'lease_expired',
          'already_settled',
        ]),
      );
    },
    TIMEOUT_MS,
  );

  it(
    'finds a shorter run that breaks the same promise',
    async () => {
      const mutant = MUTANTS.find(({ name }) => name === 'settled-counted-twice')!;
      const options = { seed: 5, steps: 120, mutant };
      const shrunk = await shrink(options, 'conservation', 120);
      expect(shrunk!.plan.length).toBeLessThan(drawPlan(5, 120).length / 3);
      expect(shrunk!.result.violations.map(({ checker }) => checker)).toContain('conservation');
    },
    TIMEOUT_MS,
  );
});
