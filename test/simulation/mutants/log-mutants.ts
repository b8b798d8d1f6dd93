/** Faults planted in topics, consumer groups and share groups. */

import type { Mutant } from './mutants.ts';

const change = (file: string, find: string, replace: string): NonNullable<Mutant['patches']> => [
  { file, find, replace },
];

export const LOG_MUTANTS: readonly Mutant[] = [
  {
    name: 'locks-end-early',
    checker: 'share-lock',
    patches: change(
      'durable-objects/partition/shared-log.ts',
      'const archived = window.expire(nowMs, group.config.delivery_limit);\n    const lock',
      'const archived = window.expire(nowMs + 1_500, group.config.delivery_limit);\n    const lock',
    ),
  },
  {
    name: 'deliveries-not-counted',
    checker: 'share-lock',
    patches: change(
      'core/share/share-window.ts',
      'const deliveries = run.deliveries + 1;',
      'const deliveries = run.deliveries + (at % 5 === 1 ? 0 : 1);',
    ),
  },
  {
    name: 'accepted-and-free-again',
    checker: 'share-done',
    patches: change(
      'core/share/acknowledge.ts',
      'window.accept(offset);',
      'if (offset % 7 === 3) window.release(offset, 9);\n    else window.accept(offset);',
    ),
  },
  {
    name: 'record-passed-over',
    checker: 'share-lost',
    patches: change(
      'durable-objects/partition/shared-log.ts',
      'if (recordCount === lastOffsetDelta + 1) {',
      'if (baseOffset % 8 === 7) continue;\n      if (recordCount === lastOffsetDelta + 1) {',
    ),
  },
  {
    name: 'rejected-and-no-dead-letter',
    checker: 'share-lost',
    patches: change(
      'core/share/acknowledge.ts',
      'archived.push(gone);',
      "if (kind !== 'reject' || offset % 3 > 0) archived.push(gone);",
    ),
  },
];
