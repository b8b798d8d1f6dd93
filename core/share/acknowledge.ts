/**
 * Acknowledging acquisitions: single ones by their tags, each of which stands alone, or ranges of a partition, all or none.
 *
 *   accept    done                       reject   archived now, and a dead letter if the group has a place for them
 *   release   free for any member, or archived if that was its last delivery
 *   extend    locked for longer
 */

import type { AcknowledgeOutcome, RangesOutcome } from '../../protocol/schemas/share-groups.ts';
import type { Archived, ShareRun, ShareWindow } from './share-window.ts';

type Kind = 'accept' | 'release' | 'reject' | 'extend';

export interface Acknowledgement {
  kind: Kind;
  offset: number;
  /** The number of the delivery that is meant. */
  delivery: number;
  /** Of an extension, from now. */
  lockMs?: number;
}

/** Records `[start, end)`, as far as they are in the window: what lies before it is done. */
export interface RangeAcknowledgement {
  kind: Kind;
  start: number;
  end: number;
  lockMs?: number;
}

export interface AcknowledgeContext {
  /** If given, only its own acquisitions are acknowledged. */
  memberId?: string | undefined;
  deliveryLimit: number;
  nowMs: number;
}

/** @param archived what was archived is added to it */
export function acknowledge(
  window: ShareWindow,
  { kind, offset, delivery, lockMs = 0 }: Acknowledgement,
  context: AcknowledgeContext,
  archived: Archived[],
): AcknowledgeOutcome {
  if (offset < window.startOffset) return 'already_done';
  const run = window.runAt(offset);
  if (run && run.kind !== 'done' && delivery > run.deliveries) return 'unknown_tag';
  const problem = problemOf(run, context);
  if (problem !== null) return problem === 'unknown_record' ? 'unknown_tag' : problem;
  if (delivery < run!.deliveries) return 'lock_expired';
  return apply(window, { kind, start: offset, end: offset + 1, lockMs }, context, archived);
}

/** Returns the first problem of any range, which then leaves all as they are. */
export function acknowledgeRanges(
  window: ShareWindow,
  ranges: readonly RangeAcknowledgement[],
  context: AcknowledgeContext & { memberId: string },
  archived: Archived[],
): RangesOutcome {
  // Ranges that overlap could have as many parts as there are pairs of a range and a run.
  const left = ranges
    .map((range) => ({ ...range, start: Math.max(range.start, window.startOffset) }))
    .filter(({ start, end }) => start < end);
  if (isTwice(left)) return 'already_done';
  const parts: RangeAcknowledgement[] = [];
  for (const range of left) {
    for (let at = range.start; at < range.end;) {
      const run = window.runAt(at);
      const problem = problemOf(run, context);
      if (problem !== null) return problem;
      const end = Math.min(run!.end, range.end);
      parts.push({ ...range, start: at, end });
      at = end;
    }
  }
  for (const part of parts) apply(window, part, context, archived);
  return 'acknowledged';
}

/** Releases everything that a member has locked. */
export function releaseHeld(
  window: ShareWindow,
  context: AcknowledgeContext & { memberId: string },
  archived: Archived[],
): void {
  const held = window.runs.filter((run) => problemOf(run, context) === null);
  for (const { start, end } of held) apply(window, { kind: 'release', start, end }, context, archived);
}

function problemOf(
  run: Readonly<ShareRun> | null,
  { memberId, nowMs }: AcknowledgeContext,
): Exclude<RangesOutcome, 'acknowledged'> | null {
  if (run === null) return 'unknown_record';
  if (run.kind === 'done') return 'already_done';
  if (run.kind === 'available' || run.expiresAtMs <= nowMs) return 'lock_expired';
  return memberId !== undefined && memberId !== run.memberId ? 'not_yours' : null;
}

/** Whether a record is acknowledged by two of the ranges. */
function isTwice(ranges: readonly RangeAcknowledgement[]): boolean {
  const sorted = ranges.toSorted((a, b) => a.start - b.start);
  return sorted.some(({ start }, index) => index > 0 && start < sorted[index - 1]!.end);
}

/** @param range records in one state, which the caller may acknowledge */
function apply(
  window: ShareWindow,
  { kind, start, end, lockMs = 0 }: RangeAcknowledgement,
  { deliveryLimit, nowMs }: AcknowledgeContext,
  archived: Archived[],
): AcknowledgeOutcome {
  if (kind === 'accept') {
    window.accept(start, end);
    return 'accepted';
  }
  if (kind === 'extend') {
    window.extend(start, end, nowMs + lockMs);
    return 'extended';
  }
  const gone = kind === 'reject' ? window.reject(start, end) : window.release(start, end, deliveryLimit);
  if (gone === null) return 'released';
  archived.push(gone);
  return 'archived';
}
