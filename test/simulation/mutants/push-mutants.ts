/** Faults planted in what subscriptions push, settle and give up. */

import type { Mutant } from './mutants.ts';

const PROGRESS = 'core/subscription/partition-progress.ts';
const RECORDS = ['push-records', 'push-control'];

export const PUSH_MUTANTS: readonly Mutant[] = [
  {
    name: 'position-ahead-of-what-is-pushed',
    checker: 'push-lost',
    only: RECORDS,
    patches: [
      {
        file: PROGRESS,
        find: 'return this.#entries[0]?.offset ?? this.#nextRead;',
        replace: 'return this.#nextRead;',
      },
    ],
  },
  {
    name: 'given-up-and-not-stored',
    checker: 'push-lost',
    only: RECORDS,
    patches: [
      {
        file: 'durable-objects/subscription/topic/topic-backlog.ts',
        find: 'this.#dead.push({ queue: queue!, record });',
        replace: 'if (this.#dead.length > 0) this.#dead.push({ queue: queue!, record });',
      },
    ],
  },
  {
    name: 'records-of-a-key-pushed-together',
    checker: 'push-order',
    only: RECORDS,
    patches: [{ file: PROGRESS, find: 'if (key !== null) blocked.add(key);', replace: '' }],
  },
  {
    name: 'attempt-counted-twice',
    checker: 'push-attempts',
    only: RECORDS,
    patches: [
      {
        file: PROGRESS,
        find: 'const attempts = (before?.attempts ?? 0) + 1;',
        replace: 'const attempts = (before?.attempts ?? 0) + (before ? 2 : 1);',
      },
    ],
  },
  {
    name: 'attempts-forgotten-by-a-crash',
    checker: 'push-attempts',
    only: RECORDS,
    patches: [{ file: PROGRESS, find: '...(failing.length > 0 && { failing }),', replace: '' }],
  },
  {
    name: 'accepted-and-given-back',
    checker: 'push-once',
    faults: ['alarm'],
    patches: [
      {
        file: 'durable-objects/subscription/pusher.ts',
        find: 'backlog.settle(batch);\n      return false;',
        replace: 'backlog[Math.random() < 0.2 ? "release" : "settle"](batch);\n      return false;',
      },
    ],
  },
  {
    name: 'refused-for-ever',
    checker: 'liveness',
    only: RECORDS,
    patches: [
      {
        file: 'durable-objects/subscription/pusher.ts',
        find: "const isReleased = verdict.kind !== 'failed' || (isProbe && verdict.isDown);",
        replace: "const isReleased = verdict.kind !== 'failed' || backlog.held > 2;",
      },
    ],
  },
];
