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
      'durable-objects/partition/share/shared-log.ts',
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
      'window.accept(start, end);',
      'if (start % 7 === 3) window.release(start, end, 9);\n    else window.accept(start, end);',
    ),
  },
  {
    name: 'record-passed-over',
    checker: 'share-lost',
    patches: change(
      'durable-objects/partition/share/shared-log.ts',
      'if (hasGaps(batch.header))\n',
      'if (baseOffset % 8 === 7) continue;\n      if (hasGaps(batch.header))\n',
    ),
  },
  {
    name: 'rejected-and-no-dead-letter',
    checker: 'share-lost',
    only: ['produce-shared', 'share'],
    patches: change(
      'core/share/acknowledge.ts',
      'archived.push(gone);',
      "if (kind !== 'reject' || offset % 3 > 0) archived.push(gone);",
    ),
  },
  {
    name: 'latest-compacted-away',
    checker: 'compaction',
    patches: change(
      'core/log/compaction.ts',
      '> record.offset) return false;',
      '>= record.offset + (record.offset % 4 === 1 ? 0 : 1)) return false;',
    ),
  },
  {
    name: 'tombstones-at-once-compacted-away',
    checker: 'compaction',
    only: ['produce-kept', 'fetch-kept', 'look-at-partition'],
    faults: ['crash', 'loss'],
    patches: change('core/log/compaction.ts', 'nowMs - policy.deleteRetentionMs', 'nowMs'),
  },
  {
    name: 'records-removed-early',
    checker: 'retention',
    only: ['produce-kept', 'fetch-kept', 'look-at-partition'],
    faults: ['crash', 'loss'],
    patches: change(
      'core/log/retention.ts',
      'nowMs - policy.retentionMs;',
      'nowMs - policy.retentionMs / 3;',
    ),
  },
  {
    name: 'too-much-removed',
    checker: 'retention',
    only: ['produce-kept', 'fetch-kept', 'look-at-partition'],
    patches: change('core/log/retention.ts', 'remaining >= policy.retentionBytes;', 'remaining > 0;'),
  },
  {
    name: 'one-record-too-many',
    checker: 'fetch-from',
    only: ['produce-kept', 'fetch-kept', 'look-at-partition'],
    patches: change(
      'workers/fetch/fetch-json.ts',
      'const isFull = records.length >= fetch.recordsMax ||',
      'const isFull = records.length > fetch.recordsMax ||',
    ),
  },
  {
    name: 'batch-cut-when-stored',
    checker: 'whole-batch',
    only: ['produce', 'produce-kept', 'poll', 'fetch-kept'],
    patches: change(
      'workers/routes/produce.ts',
      'packBatches(\n      records,',
      'packBatches(\n      isUnpromised ? records.slice(0, 2) : records,',
    ),
  },
  {
    name: 'append-time-of-the-router',
    checker: 'append-time',
    faults: ['crash', 'delay'],
    patches: change(
      'durable-objects/partition/partition.ts',
      'readAppend(bytes, stampsAppends, this.now())',
      'readAppend(bytes, stampsAppends, this.now() - Math.floor(Math.random() * 20_000))',
    ),
  },
  {
    name: 'deleted-topic-keeps-its-records',
    checker: 'topic-rebirth',
    patches: [
      ...change('durable-objects/partition/partition.ts', '    await this.ctx.storage.deleteAll();\n', ''),
      ...change(
        'durable-objects/stubs.ts',
        'partitionObjectName(topic, partition)',
        'partitionObjectName({ ...topic, id: 0 }, partition)',
      ),
    ],
  },
  {
    name: 'reset-under-members',
    checker: 'group-quiet',
    faults: ['crash', 'loss'],
    patches: [
      ...change(
        'durable-objects/group/group.ts',
        'if (!isEmpty(group)) return notEmpty(group);\n    if (isDryRun)',
        'if (isDryRun)',
      ),
      ...change(
        'durable-objects/group/group.ts',
        'if (this.group !== group || !isEmpty(group)) return notEmpty(this.group);',
        '',
      ),
      ...change('core/group/offsets.ts', 'known.epoch < epoch ||', 'known.epoch < epoch || epoch > 0 ||'),
    ],
  },
  {
    name: 'partition-left-to-nobody',
    checker: 'group-quiet',
    patches: change(
      'core/group/membership.ts',
      'const free = wanted.filter((key) => !taken.has(key));',
      "const free = wanted.filter((key) => !taken.has(key) && !key.endsWith('/3'));",
    ),
  },
  {
    name: 'waiting-readers-not-told',
    checker: 'long-poll',
    patches: change(
      'durable-objects/partition/partition.ts',
      'committed: () => {\n        this.#answers.answer();',
      'committed: () => {',
    ),
  },
  {
    name: 'committed-less-than-given',
    checker: 'at-most-once',
    patches: change(
      'workers/routes/group-records.ts',
      'onlyFrom: frame.startOffset,',
      'onlyFrom: frame.startOffset,\n          ...(offset % 3 === 0 && { offset: offset - 1 }),',
    ),
  },
];
