/** A queue: leases, parked messages, expiry, dead letters on their way, its own end, and who waits for what is ready. */

import { goneAtMs } from '../../../core/queue/deliver/silence.ts';
import { readyCount } from '../../../core/queue/state/queue-machine.ts';
import { QueueStore } from '../../../durable-objects/queue/rows/queue-store.ts';
import { StoredQueue } from '../../../durable-objects/queue/stored-queue.ts';
import type { Due, Look } from './due.ts';

/** Between two looks for messages that have expired. */
const EXPIRY_INTERVAL_MS = 1_000;
const OUTBOX_RETRY_MS = 5_000;
const OUTBOX_RETRY_MS_MAX = 300_000;
/** The stored time of the last use may lag by this share of `expires_ms`. */
const USE_LAG = 0.1;

/** A stream that was silent for too long has a last chance. */
const LAST_CHANCE_MS = 1_000;

interface Waiting {
  consumerId: string;
  prefetch?: number;
  heartbeatMs?: number;
  sinceMs: number;
  heardMs?: number;
  suspectMs?: number;
  endedLeases: number;
  isAnswered: boolean;
}

export function dueInQueue({ host, sql, nowMs, rates }: Look): Due[] {
  const stored = new QueueStore(sql).readQueue();
  if (stored === null) return [];
  // Its rows are never written: what is asked of it below changes its memory only.
  const queue = new StoredQueue(sql, stored.definition, stored.isPaused, nowMs);
  const { state } = queue;
  const due: Due[] = [];
  const add = (what: string, atMs: number, withinMs = 0): void => void due.push({ what, atMs, withinMs });
  if (state.earliestExpiryMs < Infinity) add('the end of a lease', state.earliestExpiryMs);
  const parkedMs = queue.nextParkedMs();
  if (parkedMs !== null) add('a parked message', parkedMs);
  if (queue.outgoing > 0) add('a dead letter on its way', nowMs, OUTBOX_RETRY_MS_MAX);
  if (queue.deadLetters.isReplaying) add('a replay', nowMs, OUTBOX_RETRY_MS_MAX);
  const { expires_ms: expiresMs } = stored.definition.config;
  if (expiresMs !== null) {
    const againMs = Math.min(Math.max(expiresMs, OUTBOX_RETRY_MS), OUTBOX_RETRY_MS_MAX);
    add(
      'the end of an unused queue',
      stored.usedMs + expiresMs,
      Math.max(expiresMs * (1 + USE_LAG), againMs),
    );
  }
  for (const { attachment, autoAnswered } of host.openSockets) {
    const waiting = attachment as Waiting;
    const goneMs = silentMs(waiting, autoAnswered?.getTime() ?? 0, queue);
    if (goneMs !== null) add(`the end of ${waiting.consumerId}, which is silent`, goneMs, LAST_CHANCE_MS);
  }
  const someone = servedNow(host.openAttachments as Waiting[], queue, nowMs);
  if (someone !== null) {
    const { single_active_consumer: isSingle, lease_ms: leaseMs } = state.config;
    const isBound = isSingle && state.leased > 0;
    // Whose turn it is, is in memory only, and ends after a lease.
    const turnMs = isSingle ? (rates.clock > 0 ? Infinity : leaseMs) : 0;
    if (!isBound)
      add(`${someone} waits for one of ${readyCount(state)} ready messages, which`, nowMs, turnMs);
  }
  // At a time at which nothing has expired it says when the first will.
  const expiresAtMs = queue.expireHeads(0);
  if (expiresAtMs < Infinity) add('a message that expires', expiresAtMs, EXPIRY_INTERVAL_MS);
  return due;
}

/** When a stream that holds something is taken for gone, unless it says something; null: never, or it is closing already. */
function silentMs(waiting: Waiting, pingedMs: number, queue: StoredQueue): number | null {
  const { consumerId, prefetch, heartbeatMs, endedLeases, sinceMs, heardMs = 0, isAnswered } = waiting;
  if (prefetch === undefined || isAnswered || endedLeases + queue.leasedBy(consumerId) === 0) return null;
  const goneMs = goneAtMs({ heartbeatMs, endedLeases, lastMs: Math.max(sinceMs, heardMs, pingedMs) });
  return goneMs === Infinity ? null : goneMs;
}

/** Who waits, has room, and could be given a message now; null: nobody. */
function servedNow(attachments: readonly Waiting[], queue: StoredQueue, nowMs: number): string | null {
  if (readyCount(queue.state) === 0) return null;
  const able = attachments.find(
    ({ consumerId, prefetch, endedLeases, suspectMs, isAnswered }) =>
      !isAnswered &&
      suspectMs === undefined &&
      (prefetch === undefined || prefetch - endedLeases - queue.leasedBy(consumerId) > 0),
  );
  if (!able) return null;
  const command = { max: 1, bytesMax: 1, leaseMs: 1_000, consumerId: able.consumerId, autoAck: false };
  return queue.deliver(command, { nowMs, random: 0 }) === null ? null : able.consumerId;
}
