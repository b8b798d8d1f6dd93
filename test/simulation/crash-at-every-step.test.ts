/**
 * A few transactions with records, offsets and messages, in which the coordinators or the partitions crash before one event
 * of the run, and in the next run before a later one; the same for a partition whose records move to the bucket. The SEED of the environment shifts those events; STEP 1 is all of them.
 */

import { describe, expect, it } from 'vitest';
import { drawPlan } from './plan.ts';
import { run, type RunOptions } from './run.ts';

const SEED = 36;
const STEPS = 6;
const TIERED_STEPS = 40;
const STEP = 40;
/** Many runs, on a machine that may be busy: only for one that hangs. */
const TIMEOUT_MS = 300_000;

describe('transactions', () => {
  it.each(['Transaction', 'Partition'])(
    'keep every promise wherever a %s crashes',
    async (className) => {
      const plan = drawPlan(SEED, STEPS, ['order', 'transform', 'transact']);
      const options: RunOptions = { seed: SEED, steps: STEPS, plan, faults: [] };
      const { history, clients } = await run(options);
      const kinds = new Set(history.events.map(({ kind }) => kind));
      for (const kind of ['transform-read', 'add-offsets', 'hold-messages', 'end-transaction'])
        expect(kinds).toContain(kind);
      const first = clients.from + (Number(process.env['SEED'] ?? 0) % STEP);
      for (let event = first; event <= clients.to; event += STEP) {
        const { violations } = await run({ ...options, crash: { className, event } });
        expect(violations, `${className} before event ${event}`).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );
});

describe('a partition with a tier', () => {
  it(
    'keeps every promise wherever it crashes',
    async () => {
      const plan = drawPlan(SEED, TIERED_STEPS, ['produce-tiered', 'fetch-tiered', 'trim-tiered']);
      const options: RunOptions = { seed: SEED, steps: TIERED_STEPS, plan, faults: [] };
      const { history, clients } = await run(options);
      expect(history.of('bucket')[0]!.objects).toBeGreaterThan(5);
      const first = clients.from + (Number(process.env['SEED'] ?? 0) % STEP);
      for (let event = first; event <= clients.to; event += STEP) {
        const { violations } = await run({ ...options, crash: { className: 'Partition', event } });
        expect(violations, `a partition before event ${event}`).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );
});
