/** Faults planted in the alarms of each class of objects: something is due, and nothing comes back to it. */

import type { Mutant } from './mutants.ts';

const forgotten = (
  name: string,
  file: string,
  find: string,
  replace: string,
  only?: readonly string[],
): Mutant => ({
  name,
  checker: 'unserved',
  patches: [{ file, find, replace }],
  ...(only && { only }),
});

export const WAITING_MUTANTS: readonly Mutant[] = [
  forgotten(
    'ends-of-leases-forgotten',
    'durable-objects/queue/time/queue-tasks.ts',
    "this.#alarm.scheduleEarlier('leases', queue.state.earliestExpiryMs);",
    '',
    ['publish', 'take'],
  ),
  forgotten(
    'expiry-of-messages-forgotten',
    'durable-objects/queue/time/queue-tasks.ts',
    "if (nextMs < Infinity) this.#alarm.scheduleEarlier('expiry', nextMs);",
    '',
    ['publish', 'take', 'settle'],
  ),
  forgotten(
    'readers-forgotten-after-a-marker',
    'durable-objects/partition/partition.ts',
    'committed: () => {\n        this.#answers.answer();',
    'committed: () => {\n if (this.#open!.produced.lastStableOffset % 2 === 0) this.#answers.answer();',
  ),
  forgotten(
    'compaction-forgotten',
    'durable-objects/partition/log/clean-up.ts',
    "this.#alarm.schedule('compaction', this.#now() + COMPACTION_DELAY_MS);",
    '',
    ['produce-kept', 'fetch-kept'],
  ),
  forgotten(
    'end-of-a-transaction-forgotten',
    'durable-objects/transaction/transaction.ts',
    "this.#alarm.schedule('timeout', expiresMs(next));",
    '',
    ['transact'],
  ),
  forgotten(
    'memory-of-a-group-ahead-of-its-disk',
    'durable-objects/group/group.ts',
    "this.state.abort('the group could not be stored');",
    '',
  ),
  forgotten(
    'end-of-a-roll-call-forgotten',
    'durable-objects/group/group.ts',
    "if (hasBegunRollCall) this.alarms.schedule('sessions', group.rollCall!.endsMs);",
    '',
    ['produce', 'worker'],
  ),
  forgotten(
    'member-that-is-gone-forgotten',
    'durable-objects/group/fencing.ts',
    'if (!told) return host.schedule(Date.now() + FENCE_RETRY_MS);',
    'if (!told) return host.schedule(null);',
    ['produce', 'worker', 'crew'],
  ),
  forgotten(
    'occurrences-of-a-schedule-forgotten',
    'durable-objects/schedule/schedule.ts',
    "if (this.#open) this.#alarm.schedule('occurrence', nextDue(this.#open.state));",
    '',
    ['schedule'],
  ),
  forgotten(
    'objects-to-tell-forgotten',
    'durable-objects/topology/topology-life.ts',
    "this.alarms.schedule('effects', this.#hasEffects() ? Date.now() + RETRY_DELAY_MS : null);",
    "this.alarms.schedule('effects', null);",
    ['change', 'rebind', 'grow'],
  ),
  forgotten(
    'outbox-forgotten',
    'durable-objects/forwarding/retry-task.ts',
    'this.#context.alarm.schedule(this.#name, this.#context.now() + delayMs);',
    'this.#context.alarm.schedule(this.#name, null);',
    ['publish', 'take', 'settle'],
  ),
  forgotten(
    'markers-of-a-transaction-forgotten',
    'durable-objects/transaction/transaction.ts',
    "this.#alarm.scheduleEarlier('markers', this.now() + RETRY_DELAY_MS);",
    '',
    ['transact'],
  ),
  forgotten(
    'end-of-a-transaction-not-awaited-by-its-alarm',
    'durable-objects/transaction/transaction.ts',
    'this.#alarm.fired();\n    await this.#complete();',
    'this.#alarm.fired();',
    ['transact', 'order', 'take'],
  ),
  forgotten(
    'parked-messages-forgotten-now-and-then',
    'durable-objects/queue/time/queue-tasks.ts',
    "if (parkedMs < Infinity) this.#alarm.scheduleEarlier('parked', parkedMs);",
    "if (parkedMs < Infinity && Math.floor(parkedMs) % 3 > 0) this.#alarm.scheduleEarlier('parked', parkedMs);",
    ['publish', 'take', 'settle'],
  ),
];
