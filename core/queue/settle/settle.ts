/**
 * Settling deliveries. Each tag stands alone: an error in one does not affect the others.
 *
 *   ack       done                          nack      failed: retried after a delay, dead after the last retry
 *   reject    dead-lettered now             release   given back unprocessed, at its old position
 *   extend    leased for longer
 */

import { consumerName } from '../deliver/consumer-id.ts';
import type { ErrorFields } from '../../../protocol/schemas/dead-letters.ts';
import { cappedError, deadLetter, isKeptAnyway } from '../dead-letters/dead-letter.ts';
import { noteReturned } from '../state/expiry-look.ts';
import type { SegmentSource } from '../state/message-metadata.ts';
import {
  endLease,
  finish,
  inFlightAt,
  releaseKey,
  type LaneState,
  type QueueMachine,
} from '../state/queue-machine.ts';
import { longestDelay, retryDelay, roundDelay, spread } from './retry.ts';
import { NO_ATTEMPTS, withFailure, type Lease, type SegmentState } from '../state/segment-state.ts';
import { noteSeen } from '../deliver/single-active.ts';
import type { Tag } from '../../../protocol/frames/delivery-tag.ts';
import type { SettleOutcome } from '../../../protocol/settlements.ts';

export type DeliveryError = ErrorFields;

export type Settlement =
  | { kind: 'ack' }
  | { kind: 'release' }
  | { kind: 'nack'; delayMs?: number | undefined; error?: DeliveryError | undefined }
  | { kind: 'reject'; error?: DeliveryError | undefined }
  | { kind: 'extend'; leaseMs: number };

export type Outcome = SettleOutcome;

export interface SettleContext {
  source: SegmentSource;
  nowMs: number;
  /** From 0 to below 1, for jitter. */
  random: number;
  /** If given, only deliveries of this consumer are settled. */
  consumerId: string | undefined;
}

interface Found {
  lane: LaneState;
  segment: SegmentState;
  lease: Readonly<Lease>;
}

export function settle(
  state: QueueMachine,
  tag: Tag,
  settlement: Settlement,
  context: SettleContext,
): Outcome {
  const found = find(state, tag, context.consumerId);
  if (typeof found === 'string') return found;
  const { lane, segment, lease } = found;
  // Who gives back what it was given may be about to leave.
  if (settlement.kind !== 'release') noteSeen(state, lease.consumerId, context.nowMs);
  if (settlement.kind === 'extend')
    return extend(state, segment, tag.offset, lease, settlement.leaseMs, context);
  endLease(state, segment, tag.offset);
  const metadata = segment.extent.isPlain ? null : context.source.metadata(segment.extent)(tag.offset);
  if (settlement.kind === 'ack') {
    releaseKey(state, metadata?.key ?? null);
    state.counters.settled += 1;
    finish(state, lane, segment, tag.offset, tag.offset + 1);
    return 'settled';
  }
  const known = segment.attemptsOf(tag.offset) ?? NO_ATTEMPTS;
  if (settlement.kind === 'release') {
    releaseKey(state, metadata?.key ?? null);
    segment.noteAttempts(tag.offset, known);
    noteReturned(state, segment.extent, tag.offset, context.source);
    return 'requeued';
  }
  const error = settlement.error && cappedError(settlement.error);
  const consumerId = consumerName(lease.consumerId);
  const more = { ...(consumerId !== '' && { consumerId }), ...(error && { error }) };
  const attempts = withFailure(known, lease.sinceMs);
  segment.noteAttempts(tag.offset, attempts);
  if (settlement.kind === 'reject') {
    releaseKey(state, metadata?.key ?? null);
    return deadLetter(state, lane, segment, tag.offset, 'rejected', more);
  }
  const failures = attempts.failures + (metadata?.failuresBefore ?? 0);
  const scheduledMs =
    retryDelay(state.config.retry, failures, spread(context.random, tag.offset)) ??
    (isKeptAnyway(state, metadata) ? longestDelay(state.config.retry) : null);
  if (scheduledMs === null) {
    releaseKey(state, metadata?.key ?? null);
    return deadLetter(state, lane, segment, tag.offset, 'delivery_limit', more);
  }
  const delayMs = settlement.delayMs ?? scheduledMs;
  if (delayMs === 0) {
    releaseKey(state, metadata?.key ?? null);
    noteReturned(state, segment.extent, tag.offset, context.source);
    return 'requeued';
  }
  // Its key stays in use: later messages of the key wait until this one is done.
  state.changes.parked.push({
    extent: segment.extent,
    offset: tag.offset,
    dueMs: context.nowMs + roundDelay(delayMs),
    attempts,
    ...more,
  });
  state.parked += 1;
  finish(state, lane, segment, tag.offset, tag.offset + 1);
  return 'parked';
}

function find(state: QueueMachine, tag: Tag, consumerId: string | undefined): Found | Outcome {
  const lane = state.lanes[tag.lane];
  if (!lane || tag.offset >= lane.cursor || tag.delivery < 1) return 'unknown_tag';
  const segment = inFlightAt(lane, tag.offset);
  if (!segment || segment.isSettled(tag.offset)) return 'already_settled';
  const lease = segment.leaseAt(tag.offset);
  const attempts = segment.attemptsOf(tag.offset)?.deliveries ?? (lease ? 1 : 0);
  if (tag.delivery > attempts) return 'unknown_tag';
  if (!lease || tag.delivery < attempts) return 'lease_expired';
  if (consumerId !== undefined && consumerId !== lease.consumerId) return 'not_yours';
  return { lane, segment, lease };
}

function extend(
  state: QueueMachine,
  segment: SegmentState,
  offset: number,
  { consumerId, sinceMs }: Readonly<Lease>,
  leaseMs: number,
  { nowMs }: SettleContext,
): Outcome {
  segment.unlease(offset);
  const expiresAtMs = nowMs + leaseMs;
  segment.lease({ start: offset, end: offset + 1, expiresAtMs, consumerId, sinceMs });
  state.earliestExpiryMs = Math.min(state.earliestExpiryMs, expiresAtMs);
  state.changes.touched.add(segment);
  return 'extended';
}
