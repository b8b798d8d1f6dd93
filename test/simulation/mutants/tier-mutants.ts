/** Faults planted in the tier of partitions: what moves to the bucket, and what is deleted there. */

import type { Mutant } from './mutants.ts';

const SEALER = 'durable-objects/partition/tier/sealer.ts';
const ONLY = ['produce-tiered', 'fetch-tiered', 'trim-tiered'];

export const TIER_MUTANTS: readonly Mutant[] = [
  {
    name: 'rows-gone-before-the-bucket-has-them',
    checker: 'bucket',
    only: ONLY,
    faults: ['loss', 'crash'],
    patches: [
      {
        file: SEALER,
        find: 'bucket.put(path, data, { sha256 }))',
        replace: 'bucket.put(path, data, { sha256 }).catch(() => null))',
      },
      {
        file: SEALER,
        find: 'bucket.head(path));\n',
        replace: 'Promise.resolve({ size: data.length, checksums: { sha256: sha256.slice().buffer } }));\n',
      },
    ],
  },
  {
    name: 'object-that-nobody-knows',
    checker: 'bucket',
    only: ONLY,
    faults: ['loss', 'crash'],
    patches: [
      {
        file: SEALER,
        find: 'open.objects.noteOrphan(key, this.#context.now() + ORPHAN_AFTER_MS);',
        replace: "open.objects.noteOrphan('', this.#context.now() + ORPHAN_AFTER_MS);",
      },
      { file: SEALER, find: '|| !open.objects.hasOrphan(key)', replace: '' },
    ],
  },
  {
    name: 'object-deleted-that-is-named',
    checker: 'bucket',
    only: ONLY,
    patches: [
      {
        file: 'durable-objects/partition/tier/tier-store.ts',
        find: "this.#sql.run('DELETE FROM cold_objects WHERE base_offset < ?', end);",
        replace: "this.#sql.run('DELETE FROM cold_objects WHERE next_offset < ?', end);",
      },
    ],
  },
  {
    name: 'records-passed-over-in-the-bucket',
    checker: 'fetch-from',
    only: ONLY,
    faults: ['crash', 'delay'],
    patches: [
      {
        file: 'durable-objects/partition/tier/cold-segments.ts',
        find: 'if (extent.nextOffset <= from) continue;',
        replace: 'if (extent.nextOffset <= from + 4) continue;',
      },
    ],
  },
];
