/** Faults planted in what queues know of producers. */

import type { Mutant } from './mutants.ts';

const FILE = 'durable-objects/queue/rows/producer-rows.ts';

export const QUEUE_PRODUCER_MUTANTS: readonly Mutant[] = [
  {
    name: 'sequences-gone-with-their-segment',
    checker: 'queue-idempotence',
    only: ['publish-once', 'take', 'settle'],
    patches: [
      {
        file: FILE,
        find: 'this.#isAhead || this.#holder === rowKey ? this.#put(PRODUCERS_ROW_KEY) : null',
        replace: 'null',
      },
    ],
  },
  {
    name: 'sequences-left-behind-by-a-plain-publish',
    checker: 'queue-idempotence',
    only: ['publish-once', 'publish', 'take', 'settle'],
    patches: [{ file: FILE, find: 'this.#isAhead || isInSegment', replace: 'this.#isAhead' }],
  },
];
