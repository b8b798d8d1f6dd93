/** Faults planted in what destinations know of producers that publish through exchanges. */

import type { Mutant } from './mutants.ts';

const ONLY = ['route-once', 'take', 'settle'];

export const EXCHANGE_PRODUCER_MUTANTS: readonly Mutant[] = [
  {
    name: 'partition-forgets-exchange-producers-when-it-wakes',
    checker: 'exchange-idempotence',
    only: ONLY,
    patches: [
      {
        file: 'durable-objects/partition/log/produced-log.ts',
        find: 'if (isExchangeBatch(header)) return this.#replayPublish(data, at, header, nowMs);',
        replace: 'if (isExchangeBatch(header)) return;',
      },
    ],
  },
  {
    name: 'messages-through-an-exchange-stored-again',
    checker: 'stored-once',
    only: ONLY,
    patches: [
      {
        file: 'durable-objects/queue/publish/admission.ts',
        find: 'return new Set(judged.flatMap((taken, index) => (taken ? [index] : [])));',
        replace: 'return new Set();',
      },
    ],
  },
  {
    name: 'keyless-messages-go-to-another-partition-when-repeated',
    checker: 'exchange-idempotence',
    only: ONLY,
    patches: [
      {
        file: 'workers/publish/store-in-destinations.ts',
        find: 'const sticky = range ? stickyOf(range) : Math.random();',
        replace: 'const sticky = Math.random();',
      },
    ],
  },
  {
    name: 'refused-messages-taken-for-stored',
    checker: 'lost-message',
    only: ['route-once', 'rebind', 'take', 'settle'],
    patches: [
      {
        file: 'durable-objects/queue/publish/admission.ts',
        find: 'const taken = sequences?.filter((_, index) => !known.has(index) && !rejected.has(index)) ?? [];',
        replace: 'const taken = sequences ?? [];',
      },
    ],
  },
];
