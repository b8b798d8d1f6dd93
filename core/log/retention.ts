/** Retention: which segments at the start of a log may go, by age and by size, and when to look again. */

import type { LogHead, SegmentExtent } from './segment.ts';

export interface RetentionPolicy {
  /** A segment goes when its youngest record is older; null keeps it. */
  retentionMs: number | null;
  /** The oldest segments go while at least this many bytes stay; null keeps them. */
  retentionBytes: number | null;
}

/** The segments that one run may remove, so that it does not delay requests. */
export const RETENTION_SLICE_SEGMENTS = 256;

/** The time between two runs, so that one alarm (a row written) removes many segments. */
const CHECK_INTERVAL_MS_MAX = 300_000;

/**
 * How many of the oldest segments go now.
 * @param oldest the first segments of the log, in order, at most a slice
 * @param sizeBytes of the whole log
 */
export function expiredSegments(
  policy: RetentionPolicy,
  head: LogHead,
  oldest: readonly SegmentExtent[],
  sizeBytes: number,
  nowMs: number,
): number {
  let remaining = sizeBytes;
  let count = 0;
  for (const segment of oldest) {
    const removed = segment.nextOffset <= head.logStartOffset;
    const tooOld = policy.retentionMs !== null && segment.maxTimestamp < nowMs - policy.retentionMs;
    remaining -= segment.bytes;
    const tooMuch = policy.retentionBytes !== null && remaining >= policy.retentionBytes;
    if (!removed && !tooOld && !tooMuch) break;
    count += 1;
  }
  return count;
}

/**
 * When retention has to look next, or null if nothing can become due by time alone. A segment that is due waits for
 * the next look: at most 5 minutes, and at most a tenth of the retention time.
 */
export function nextRetentionCheck(
  policy: RetentionPolicy,
  head: LogHead,
  oldest: SegmentExtent | null,
  sizeBytes: number,
  nowMs: number,
): number | null {
  if (oldest === null) return null;
  if (oldest.nextOffset <= head.logStartOffset) return nowMs + 1; // records deleted by request: free the storage
  const interval = Math.min(CHECK_INTERVAL_MS_MAX, Math.ceil((policy.retentionMs ?? Infinity) / 10));
  const oversize = policy.retentionBytes !== null && sizeBytes - oldest.bytes >= policy.retentionBytes;
  if (oversize) return nowMs + Math.min(interval, OVERSIZE_DELAY_MS);
  if (policy.retentionMs === null) return null;
  return Math.max(oldest.maxTimestamp + policy.retentionMs + 1, nowMs + interval);
}

/** How long a log may stay above its size: appends under load then share one alarm. */
const OVERSIZE_DELAY_MS = 10_000;
