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
    'waiting-dead-letters-forgotten',
    'durable-objects/queue/time/queue-tasks.ts',
    "this.#alarm.schedule('outbox', this.#host.now() + delayMs);",
    "this.#alarm.schedule('outbox', null);",
    ['publish', 'take', 'settle', 'fail', 'publish-feature', 'take-feature'],
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
    'members-that-are-gone-not-told-again',
    'durable-objects/group/group.ts',
    "if (!told) return this.alarms.schedule('fencing', Date.now() + FENCE_RETRY_MS);",
    'if (!told) return;',
    ['produce', 'worker'],
  ),
  forgotten(
    'end-of-a-transaction-forgotten',
    'durable-objects/transaction/transaction.ts',
    "this.#alarm.schedule('timeout', expiresMs(next));",
    '',
    ['transact'],
  ),
  forgotten(
    'markers-forgotten',
    'durable-objects/transaction/transaction.ts',
    "    if (!isMarked || !isSent) {\n      this.#alarm.scheduleEarlier('markers', this.now() + RETRY_DELAY_MS);",
    "    if (!isMarked || !isSent) {\n      this.#alarm.schedule('markers', null);",
    ['transact'],
  ),
  forgotten(
    'dead-letters-of-share-groups-forgotten',
    'durable-objects/partition/share/share-dead-letter-sender.ts',
    'this.#alarm.schedule(TASK, failed ? this.#now() + delayMs : null);',
    'this.#alarm.schedule(TASK, null);',
    ['produce-shared', 'share'],
  ),
  forgotten(
    'next-occurrence-forgotten',
    'durable-objects/schedule/schedule.ts',
    "if (this.#open) this.#alarm.schedule('occurrence', nextDue(this.#open.state));",
    '',
    ['schedule'],
  ),
  forgotten(
    'changes-not-told-again',
    'durable-objects/topology/topology.ts',
    "      this.#alarm.scheduleEarlier('effects', Date.now() + RETRY_DELAY_MS);\n  }",
    '      return;\n  }',
  ),
];
