/** Expiry: applies what happens by time alone. Leases end, and messages become too old. */

import { consumerName } from './deliver/consumer-id.ts';
import { deadLetter, isKeptAnyway } from './dead-letters/dead-letter.ts';
import { noteReturned } from './state/expiry-look.ts';
import { expiryOf, type SegmentSource } from './state/message-metadata.ts';
import {
  endLease,
  lanesFromHighest,
  moveCursor,
  releaseKey,
  segmentAtCursor,
  type QueueMachine,
} from './state/queue-machine.ts';
import { retryDelay } from './settle/retry.ts';
import { NO_ATTEMPTS, withFailure } from './state/segment-state.ts';
import { noteLeaseEnded } from './deliver/single-active.ts';

/** The number of messages that one run may remove, so that requests do not wait long. */
export const EXPIRE_SLICE = 10_000;

/** The number of segments in flight that one run may read: a message taken out far behind the head puts all before it in flight. */
export const EXPIRE_SEGMENTS = 64;

/**
 * Ends the leases that are over, at most a slice. Their messages have failed once more. They return to their positions at
 * once, because the lease was delay enough. After the last attempt they become dead letters: a message that kills its
 * consumer has no other end.
 */
export function expireLeases(state: QueueMachine, source: SegmentSource, nowMs: number): number {
  if (state.earliestExpiryMs > nowMs) return 0;
  let earliest = Infinity;
  let expired = 0;
  for (const lane of state.lanes) {
    for (const segment of lane?.inFlight.slice() ?? []) {
      const due = segment.leases
        .filter(({ expiresAtMs }) => expiresAtMs <= nowMs)
        .map((lease) => ({ ...lease }));
      const factsOf = due.length === 0 || segment.extent.isPlain ? null : source.metadata(segment.extent);
      for (const { start, end, consumerId, sinceMs } of due) {
        for (let offset = start; offset < end && expired < EXPIRE_SLICE; offset++) {
          const attempts = withFailure(segment.attemptsOf(offset) ?? NO_ATTEMPTS, sinceMs);
          const metadata = factsOf?.(offset) ?? null;
          endLease(state, segment, offset);
          segment.noteAttempts(offset, attempts);
          releaseKey(state, metadata?.key ?? null);
          expired += 1;
          noteLeaseEnded(state, consumerId);
          state.endedLeases.set(consumerId, (state.endedLeases.get(consumerId) ?? 0) + 1);
          const failures = attempts.failures + (metadata?.failuresBefore ?? 0);
          if (retryDelay(state.config.retry, failures, 0) !== null || isKeptAnyway(state, metadata)) {
            noteReturned(state, segment.extent, offset, source);
            continue;
          }
          deadLetter(state, lane!, segment, offset, 'delivery_limit', leaseEnded(consumerName(consumerId)));
        }
      }
      for (const { expiresAtMs } of segment.leases) earliest = Math.min(earliest, expiresAtMs);
    }
  }
  state.earliestExpiryMs = earliest;
  return expired;
}

/**
 * Removes expired messages: returned ones at any position, and backlog messages at the head of a lane. A message behind a
 * younger one is found when it reaches the head.
 * @returns when to look again, in ms; Infinity if none of the messages that it saw can expire
 */
export function expireHeads(state: QueueMachine, source: SegmentSource, nowMs: number): number {
  const ttlMs = state.config.message_ttl_ms;
  let left = EXPIRE_SLICE;
  let looks = EXPIRE_SEGMENTS;
  let next = Infinity;
  for (const lane of lanesFromHighest(state)) {
    for (const segment of lane.inFlight.slice()) {
      if (segment.extent.isPlain && ttlMs === null) continue;
      if (segment.returned === 0) continue;
      const known = segment.expiryFrom(ttlMs);
      if (known > nowMs) {
        next = Math.min(next, known);
        continue;
      }
      if (looks-- <= 0) return nowMs + 1;
      let earliest = Infinity;
      const factsOf = source.metadata(segment.extent);
      for (let run = segment.nextReturned(0); run !== null; run = segment.nextReturned(run.end)) {
        for (let offset = run.start; offset < run.end; offset++) {
          const expiresAtMs = expiryOf(factsOf(offset), ttlMs);
          if (expiresAtMs > nowMs) {
            earliest = Math.min(earliest, expiresAtMs);
            continue;
          }
          if (left-- <= 0) return nowMs + 1;
          deadLetter(state, lane, segment, offset, 'expired');
        }
      }
      segment.noteExpiryFrom(ttlMs, earliest);
      next = Math.min(next, earliest);
    }
    while (lane.cursor < lane.nextOffset) {
      const offset = lane.cursor;
      const extent = source.extentAt(lane.lane, offset)!;
      if (extent.isPlain && ttlMs === null) break;
      const expiresAtMs = expiryOf(source.metadata(extent)(offset), ttlMs);
      if (expiresAtMs > nowMs) {
        next = Math.min(next, expiresAtMs);
        break;
      }
      if (left-- <= 0) return nowMs + 1;
      const segment = segmentAtCursor(lane, () => extent);
      moveCursor(state, lane, segment, offset + 1);
      deadLetter(state, lane, segment, offset, 'expired');
    }
  }
  return next;
}

function leaseEnded(consumerId: string): { consumerId?: string; error: { type: string; message: string } } {
  const error = { type: 'lease_expired', message: 'the consumer did not settle it before its lease ended' };
  return consumerId === '' ? { error } : { consumerId, error };
}
