/** Faults in dead letters, the arguments of queues, exchanges, and schedules. */

import type { Mutant } from './mutants.ts';

const change = (file: string, find: string, replace: string): NonNullable<Mutant['patches']> => [
  { file, find, replace },
];

export const QUEUE_MUTANTS: readonly Mutant[] = [
  {
    name: 'replayed-and-kept',
    checker: 'replay',
    patches: change(
      'durable-objects/queue/dead-letters/dead-letter-box.ts',
      'for (const { position } of letters) takeOut(state, source, position);\n    state.counters.replayed',
      'for (const { position } of letters) if (position.offset % 4 !== 3) takeOut(state, source, position);\n    state.counters.replayed',
    ),
  },
  {
    name: 'replay-goes-on-when-cancelled',
    checker: 'replay',
    only: ['replay', 'fail', 'publish-feature', 'take-feature'],
    patches: change(
      'durable-objects/queue/dead-letters/dead-letter-box.ts',
      'if (cancelled !== known) this.#host.replays.put(cancelled);',
      '',
    ),
  },
  {
    name: 'alternate-exchange-asked-always',
    checker: 'routing',
    patches: change(
      'core/exchange/route.ts',
      'if (!isTaken && alternate_exchange !== null)',
      'if ((!isTaken || message.routingKey.length > 1) && alternate_exchange !== null)',
    ),
  },
  {
    name: 'bindings-known-for-a-minute',
    checker: 'routing',
    patches: [
      ...change(
        'workers/cache/routing-cache.ts',
        'Number(env.POSTHORN_ROUTING_MAX_AGE_MS ?? MAX_AGE_MS_DEFAULT)',
        '60 * Number(env.POSTHORN_ROUTING_MAX_AGE_MS ?? MAX_AGE_MS_DEFAULT)',
      ),
      ...change('workers/cache/followed-graph.ts', 'Math.max(atLeast, this.#seen);', 'atLeast < 0 ? 1 : 0;'),
    ],
  },
  {
    name: 'delay-cut-short',
    checker: 'due-times',
    only: ['publish', 'take', 'settle'],
    patches: change(
      'core/queue/state/message-metadata.ts',
      'metadata.dueMs = record.timestamp + numberOf(value);',
      'metadata.dueMs = record.timestamp + Math.floor(numberOf(value) / 2);',
    ),
  },
  {
    name: 'expired-and-delivered',
    checker: 'expiry',
    only: ['publish', 'take'],
    patches: change(
      'core/queue/deliver/deliver.ts',
      'if (!isAtOnce && expiresAtMs <= this.#nowMs) {',
      'if (expiryOf(metadata, ttlMs) <= this.#nowMs - 3_000) {',
    ),
  },
  {
    name: 'limit-not-held',
    checker: 'length-limit',
    patches: change(
      'core/queue/publish/limits.ts',
      'messages + count > lengthMax)',
      'messages + count > lengthMax + (messages % 2))',
    ),
  },
  {
    name: 'refused-and-not-dead-lettered',
    checker: 'length-limit',
    only: ['publish-feature', 'take-feature', 'publish', 'take', 'settle'],
    patches: change('core/queue/publish/arrive.ts', 'result.dead.push(arrival);', ''),
  },
  {
    name: 'two-consumers-at-a-time',
    checker: 'single-consumer',
    only: ['publish', 'take', 'settle'],
    patches: change(
      'core/queue/deliver/single-active.ts',
      'if (active.id !== consumerId) return isFree;',
      'if (active.id !== consumerId) return true;',
    ),
  },
  {
    name: 'turn-that-comes-by-time-forgotten',
    checker: 'unserved',
    only: ['publish', 'take', 'settle', 'stream'],
    faults: [],
    patches: change(
      'durable-objects/queue/deliver/hand-out.ts',
      'return atMs > nowMs && atMs < Infinity ? atMs : null;',
      'return null;',
    ),
  },
  {
    name: 'lowest-priority-first',
    checker: 'queue-order',
    patches: change(
      'core/queue/deliver/deliver.ts',
      'for (const lane of lanesFromHighest(state)) {\n    if (!delivery',
      'for (const lane of lanesFromHighest(state).reverse()) {\n    if (!delivery',
    ),
  },
  {
    name: 'publish-repeated-by-the-router',
    checker: 'stored-once',
    patches: change(
      'workers/calls/queue-call.ts',
      'if (!isStale(first)) return first;',
      'if (!isStale(first)) return Math.random() < 0.05 ? ((await call(queueStub(env, queue), queue.version)) as typeof first) : first;',
    ),
  },
  {
    name: 'deleted-though-not-empty',
    checker: 'deletion',
    only: ['fleeting'],
    patches: change(
      'core/topology/queues/queue-deletion.ts',
      'if (ifEmpty && (messages > 0 || isTaking)) {',
      'if (ifEmpty && (messages > 3 || isTaking)) {',
    ),
  },
  {
    name: 'schedule-moved-on-without-a-publish',
    checker: 'schedule',
    patches: change(
      'core/schedules/occurrences.ts',
      "return addPublish({ ...moved, latestMs }, latestMs, 'cron', nowMs);",
      "return nextMs % 180_000 === 0 ? addPublish(moved, nextMs, 'cron', nowMs) : moved;",
    ),
  },
  {
    name: 'oldest-stream-first',
    checker: 'fairness',
    only: ['publish', 'stream', 'watched'],
    patches: change(
      'durable-objects/queue/deliver/consumers.ts',
      '.sort((a, b) => a.attachment.turn - b.attachment.turn);',
      '.sort((a, b) => a.attachment.sinceMs - b.attachment.sinceMs);',
    ),
  },
  {
    name: 'taken-and-not-given',
    checker: 'orderly-stop',
    only: ['handed'],
    patches: change(
      'durable-objects/queue/stored-queue.ts',
      'if (slices.length === 0) return null;',
      'if (slices.length === 0 || (command.autoAck && Math.floor(nowMs) % 5 === 0)) return null;',
    ),
  },
];
