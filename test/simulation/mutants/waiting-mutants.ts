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
    'committed: () => this.#answers.answer(),',
    'committed: () => void (this.#open!.produced.lastStableOffset % 2 === 0 && this.#answers.answer()),',
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
];
