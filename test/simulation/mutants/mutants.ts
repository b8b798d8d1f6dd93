/**
 * Faults that are planted in the product or the platform, to show that a checker notices. Each is one small change of the
 * source; if that has moved on, the build of the mutant says so, and the mutant has to follow.
 */

import { AMQP_MUTANTS } from './amqp-mutants.ts';
import type { Fault } from '../faults.ts';
import { LOG_MUTANTS } from './log-mutants.ts';
import type { Patch } from '../platform/bundle.ts';
import { WATCHDOG_MUTANTS } from './watchdog-mutants.ts';
import { TIER_MUTANTS } from './tier-mutants.ts';
import { TRANSACTION_MUTANTS } from './transaction-mutants.ts';
import { QUEUE_PRODUCER_MUTANTS } from './queue-producer-mutants.ts';
import { EXCHANGE_PRODUCER_MUTANTS } from './exchange-producer-mutants.ts';
import { PUSH_MUTANTS } from './push-mutants.ts';
import { STEERING_MUTANTS } from './steering-mutants.ts';
import { QUEUE_MUTANTS } from './queue-mutants.ts';
import { WAITING_MUTANTS } from './waiting-mutants.ts';

export interface Mutant {
  name: string;
  /** The checker that has to notice. */
  checker: string;
  patches?: readonly Patch[];
  /** False: replies leave before what they say is durable. */
  hasOutputGate?: boolean;
  /** For one that shows seldom: only these faults. Default: all. */
  faults?: readonly Fault[];
  /** For one that shows seldom: only these operations. Default: all. */
  only?: readonly string[];
}

const change = (file: string, find: string, replace: string): Patch[] => [{ file, find, replace }];

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'acknowledged-before-durable',
    checker: 'lost-write',
    hasOutputGate: false,
    patches: change('durable-objects/runtime/group-commit.ts', 'await this.#options.sync();', ''),
  },
  {
    name: 'message-acknowledged-before-durable',
    checker: 'lost-message',
    hasOutputGate: false,
    patches: change('durable-objects/runtime/group-commit.ts', 'await this.#options.sync();', ''),
  },
  {
    name: 'offset-given-twice',
    checker: 'dense-offsets',
    patches: change(
      'workers/routes/produce.ts',
      'offset: baseOffset + delta, timestamp',
      'offset: Math.max(0, baseOffset + delta - (Math.random() < 0.02 ? 1 : 0)), timestamp',
    ),
  },
  {
    name: 'record-changes-when-read-again',
    checker: 'inconsistent-offsets',
    patches: change(
      'protocol/schemas/written-record.ts',
      'timestamp: record.timestamp,',
      'timestamp: record.timestamp + (Math.random() < 0.01 ? 1 : 0),',
    ),
  },
  {
    name: 'poll-goes-back',
    checker: 'monotonic-poll',
    patches: change(
      'workers/fetch/fetch-json.ts',
      '  return ended(frame.nextOffset);\n}',
      '  return ended(frame.nextOffset - (frame.nextOffset > 1 && Math.random() < 0.02 ? 1 : 0));\n}',
    ),
  },
  {
    name: 'append-repeated-by-the-router',
    checker: 'duplicate',
    patches: change(
      'workers/calls/partition-call.ts',
      'if (!isStale(first)) return first;',
      'if (!isStale(first)) return Math.random() < 0.05 ? ((await call(partitionStub(env, topic, partition), topic.version)) as typeof first) : first;',
    ),
  },
  {
    name: 'message-ids-forgotten-now-and-then',
    checker: 'duplicate',
    only: ['publish', 'take', 'settle'],
    patches: change(
      'core/queue/state/dedup.ts',
      'return (this.#until.get(id) ?? -1) > nowMs;',
      'return (this.#until.get(id) ?? -1) > nowMs && this.#until.size % 3 > 0;',
    ),
  },
  {
    name: 'refused-and-stored-all-the-same',
    checker: 'phantom',
    patches: change(
      'core/queue/publish/arrive.ts',
      "result.exceptions.push({ index, outcome: 'rejected' });\n      continue;",
      "result.exceptions.push({ index, outcome: 'rejected' });",
    ),
  },
  {
    name: 'lease-ends-early',
    checker: 'lease',
    patches: change(
      'core/queue/deliver/deliver.ts',
      'this.#expiresAtMs = nowMs + command.leaseMs;',
      'this.#expiresAtMs = nowMs + command.leaseMs / 4;',
    ),
  },
  {
    name: 'lease-handed-out-twice',
    checker: 'lease',
    patches: change(
      'durable-objects/queue/rows/load-queue.ts',
      'state.leased += segment.leased;',
      'segment.leases.splice(0);',
    ),
  },
  {
    name: 'settled-and-delivered-again',
    checker: 'settled',
    patches: change(
      'core/queue/settle/settle.ts',
      "if (settlement.kind === 'ack') {",
      "if (settlement.kind === 'ack' && tag.delivery === 1 && tag.offset % 3 === 1) {\n    segment.noteAttempts(tag.offset, { deliveries: 1, failures: 0 });\n    return 'settled';\n  }\n  if (settlement.kind === 'ack') {",
    ),
  },
  {
    name: 'settled-counted-twice',
    checker: 'conservation',
    patches: change(
      'core/queue/settle/settle.ts',
      'state.counters.settled += 1;',
      'state.counters.settled += tag.offset === 3 ? 2 : 1;',
    ),
  },
  {
    name: 'outbox-emptied-before-it-is-sent',
    checker: 'dead-letter',
    only: ['publish', 'take', 'settle', 'fail', 'publish-feature', 'take-feature'],
    patches: [
      {
        file: 'durable-objects/queue/dead-letters/outbox-sender.ts',
        find: 'queue.removeOutbox(row, discarded);',
        replace: '',
      },
      {
        file: 'durable-objects/queue/dead-letters/outbox-sender.ts',
        find: 'const routes = await routesOf(',
        replace:
          'queue.removeOutbox(row, { cycle: 0, hop_limit: 0, unroutable: 0, dropped: 0 });\n  const routes = await routesOf(',
      },
    ],
  },
  {
    name: 'dead-letters-without-numbers',
    checker: 'dead-letter',
    only: ['publish', 'take', 'settle', 'publish-feature', 'take-feature', 'fail'],
    patches: change(
      'durable-objects/queue/dead-letters/outbox-sender.ts',
      'const source = { name: ',
      'const source = { name: String(Math.random()) + ',
    ),
  },
  {
    name: 'outbox-numbers-by-the-clock',
    checker: 'lost-message',
    only: ['publish', 'take', 'settle'],
    faults: ['clock', 'evict', 'machine'],
    patches: change(
      'durable-objects/queue/dead-letters/outbox.ts',
      'Math.max(nextNumber, reserved, nowMs * 1_000)',
      'nowMs * 1_000',
    ),
  },
  {
    name: 'request-stored-backwards',
    checker: 'log-order',
    patches: change(
      'workers/routes/produce.ts',
      'offsets[indexes[next]!] =',
      'offsets[indexes[indexes.length - 1 - next]!] =',
    ),
  },
  {
    name: 'key-not-held',
    checker: 'key-order',
    patches: change(
      'core/queue/deliver/deliver.ts',
      'if (metadata.key !== null && this.#state.busyKeys.has(metadata.key)) continue;',
      '',
    ),
  },
  {
    name: 'retries-not-scheduled',
    checker: 'liveness',
    patches: change(
      'durable-objects/queue/time/queue-tasks.ts',
      'if (parkedMs < Infinity)',
      'if (parkedMs < Infinity && this.#nextLookMs === Infinity)',
    ),
  },
  {
    name: 'sequences-behind-taken',
    checker: 'idempotence',
    patches: [
      {
        file: 'core/producers/sequences.ts',
        find: 'if (baseSequence === expected) return null;',
        replace: 'if (baseSequence <= expected) return null;',
      },
      {
        file: 'core/producers/sequences.ts',
        find: 'sequence === batch.baseSequence && lastOffsetDelta === batch.lastOffsetDelta,',
        replace:
          'sequence === batch.baseSequence && lastOffsetDelta === batch.lastOffsetDelta && sequence % 3 > 0,',
      },
    ],
  },
  {
    name: 'older-epochs-taken',
    checker: 'idempotence',
    patches: change(
      'core/producers/sequences.ts',
      'if (producerEpoch < known.epoch) {',
      'if (producerEpoch < known.epoch && !batch.isTransactional) return null;\n  if (producerEpoch < known.epoch) {',
    ),
  },
  {
    name: 'first-batch-of-an-abort-read',
    checker: 'aborted-read',
    patches: change(
      'core/log/aborted.ts',
      'firstOffset <= header.baseOffset',
      'firstOffset < header.baseOffset',
    ),
  },
  {
    name: 'partition-left-out-of-the-end',
    checker: 'atomicity',
    patches: change(
      'core/transaction/transaction.ts',
      'const all = { ...known.parts, ...parts };',
      'const all = { ...(Object.keys(known.parts).length > 1 ? {} : known.parts), ...parts };',
    ),
  },
  {
    name: 'open-transactions-stable',
    checker: 'stable-offset',
    only: ['transact', 'read-committed', 'order', 'transform'],
    patches: change(
      'durable-objects/partition/log/produced-log.ts',
      'Math.max(this.#states.firstOpenOffset ?? highWatermark, logStartOffset)',
      'Math.max((this.#states.firstOpenOffset ?? 0) % 4 === 1 ? this.#states.firstOpenOffset! : highWatermark, logStartOffset)',
    ),
  },
  {
    name: 'partition-given-before-it-is-free',
    checker: 'group-owners',
    patches: change(
      'core/group/membership.ts',
      'const free = wanted.filter((key) => !taken.has(key));',
      "const free = taken.has('-') ? [] : wanted;",
    ),
  },
  {
    name: 'fenced-member-commits',
    checker: 'fenced-commit',
    only: ['produce', 'worker'],
    patches: change(
      'core/group/offsets.ts',
      'if (epoch < known.epoch) return fencedOut(known.epoch);',
      "if (epoch < known.epoch) return 'held';",
    ),
  },
  {
    name: 'commit-acknowledged-and-not-stored',
    checker: 'group-offsets',
    patches: change(
      'durable-objects/partition/groups/group-offsets.ts',
      "const row = outcome === 'held' ? known! : raised(known, claim, nowMs);",
      "if (offset % 5 === 3) return { committed: offset };\n    const row = outcome === 'held' ? known! : raised(known, claim, nowMs);",
    ),
  },
  {
    name: 'record-left-out-by-the-group',
    checker: 'group-reads',
    patches: change(
      'workers/routes/group-records.ts',
      'for (const record of fetched.records) records.push({ topic, partition, ...record });',
      'for (const record of fetched.records) if (record.offset % 9 !== 7) records.push({ topic, partition, ...record });',
    ),
  },
  {
    name: 'dead-letters-go-round',
    checker: 'dead-letter-cycle',
    patches: change(
      'core/queue/dead-letters/death-history.ts',
      'if (entry.queue === queue) return true;',
      'if (entry.queue === queue) return false;',
    ),
  },
  ...WATCHDOG_MUTANTS,
  ...LOG_MUTANTS,
  ...TIER_MUTANTS,
  ...TRANSACTION_MUTANTS,
  ...QUEUE_PRODUCER_MUTANTS,
  ...EXCHANGE_PRODUCER_MUTANTS,
  ...QUEUE_MUTANTS,
  ...STEERING_MUTANTS,
  ...WAITING_MUTANTS,
  ...PUSH_MUTANTS,
  ...AMQP_MUTANTS,
];
