/** Faults in what mends lost alarms, and in what transactions leave behind. */

import type { Mutant } from './mutants.ts';

export const WATCHDOG_MUTANTS: readonly Mutant[] = [
  {
    name: 'coordinator-not-visited',
    checker: 'liveness',
    only: ['one-off', 'transact', 'read-committed'],
    faults: ['alarm', 'crash'],
    patches: [
      {
        file: 'workers/watchdog.ts',
        find: '.map((id) => async () => transactionStub(env, namespace, id).tick());',
        replace: '.map(() => async () => {});',
      },
    ],
  },
  {
    name: 'transactional-id-not-listed',
    checker: 'liveness',
    faults: ['alarm', 'crash'],
    patches: [
      {
        file: 'durable-objects/topology/topology.ts',
        find: 'this.coordinators.put(name, number);',
        replace: '',
      },
    ],
  },
  {
    name: 'empty-transaction-keeps-its-epoch',
    checker: 'aborted-read',
    patches: [
      {
        file: 'core/transaction/transaction.ts',
        find: "return { ...ended(known, 'abort', 'asked'), phase: 'empty' };",
        replace: 'return known;',
      },
    ],
  },
];
