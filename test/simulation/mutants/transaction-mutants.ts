/** Faults in transactions: their offsets, their messages, their instances, and what is read of them. */

import type { Patch } from '../platform/bundle.ts';
import type { Mutant } from './mutants.ts';

const change = (file: string, find: string, replace: string): Patch[] => [{ file, find, replace }];

export const TRANSACTION_MUTANTS: readonly Mutant[] = [
  {
    name: 'offsets-left-out-of-a-commit',
    checker: 'exactly-once',
    patches: change(
      'core/group/transactional-offset.ts',
      "const committed = outcome === 'commit' && own && isEndOf(end, own) ?",
      "const committed = outcome === 'commit' && own && isEndOf(end, own) && own.sinceMs % 3 > 0 ?",
    ),
  },
  {
    name: 'offsets-of-an-abort-committed',
    checker: 'exactly-once',
    patches: change(
      'core/group/transactional-offset.ts',
      "const committed = outcome === 'commit' && own && isEndOf(end, own) ?",
      'const committed = own && isEndOf(end, own) ?',
    ),
  },
  {
    name: 'offsets-committed-when-added',
    checker: 'group-progress',
    patches: change(
      'durable-objects/partition/groups/group-offsets.ts',
      'this.#store.put(group, { ...row, transactions: added, usedMs: nowMs });',
      'this.#store.put(group, { ...row, offset: value.offset, transactions: added, usedMs: nowMs });',
    ),
  },
  {
    name: 'pending-offsets-read-over',
    checker: 'pending-offsets',
    only: ['order', 'transform', 'see-offsets'],
    patches: change(
      'durable-objects/partition/groups/group-offsets.ts',
      "if (isPending(known) && !(outcome === 'held' && isPositioned)) return 'pending';",
      '',
    ),
  },
  {
    name: 'older-instances-taken',
    checker: 'fenced-producer',
    patches: change(
      'core/transaction/transaction.ts',
      'if (identity.id !== known.producerId || identity.epoch !== known.epoch) return fencedBy(known, identity);',
      'if (identity.id !== known.producerId || identity.epoch > known.epoch) return fencedBy(known, identity);',
    ),
  },
  {
    name: 'messages-of-an-abort-sent',
    checker: 'early-message',
    patches: change(
      'durable-objects/transaction/transaction.ts',
      "ending.last?.outcome === 'commit' ? this.#messages.publishes(endingOf(ending)) : []",
      'this.#messages.publishes(endingOf(ending))',
    ),
  },
  {
    name: 'messages-numbered-anew',
    checker: 'message-once',
    only: ['transact', 'transform', 'order', 'take', 'settle'],
    patches: change(
      'durable-objects/transaction/send-messages.ts',
      'name: `transaction ',
      'name: Math.random() + `transaction ',
    ),
  },
  {
    name: 'messages-not-waited-for',
    checker: 'message-once',
    only: ['transact', 'transform', 'order', 'take', 'settle'],
    patches: change(
      'durable-objects/transaction/transaction.ts',
      'if (!isMarked || !isSent) return false;',
      'if (!isMarked) return false;',
    ),
  },
  {
    name: 'record-of-a-transaction-left-out',
    checker: 'intermediate-read',
    patches: change(
      'workers/fetch/fetch-json.ts',
      'records.push(one);',
      "if (fetch.isolation === 'read_uncommitted' || record.offset % 7 !== 3) records.push(one);",
    ),
  },
  {
    name: 'members-read-what-is-open',
    checker: 'information-flow',
    patches: change(
      'workers/groups/read-for-member.ts',
      'isolation: read.isolation,',
      "isolation: 'read_uncommitted',",
    ),
  },
];
