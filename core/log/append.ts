/**
 * Appending: gives a group of batches their offsets and packs them into segments.
 *
 * Small appends extend the last segment while it stays within a bound, larger ones begin segments of their own. Both cost one
 * row written. Extending rewrites the segment, and leaves fewer rows for retention to delete and pay for. The bound is
 * PACK_APPENDS times the append, from PACK_BYTES_MIN to PACK_BYTES_MAX: more appends in a row save next to nothing, but each of
 * them rewrites what is there.
 */

import { SEGMENT_BYTES_MAX } from '../../protocol/limits.ts';
import type { LogHead, SegmentExtent } from './segment.ts';

export const PACK_BYTES_MAX = 32 * 1024;
export const PACK_BYTES_MIN = 8 * 1024;
export const PACK_APPENDS = 32;

/** What appending needs to know of a batch. */
export interface BatchExtent {
  sizeInBytes: number;
  lastOffsetDelta: number;
  maxTimestamp: number;
}

export interface SegmentWrite {
  /** `extend` replaces the tail by itself and the batches; `insert` makes a new segment of them. */
  kind: 'insert' | 'extend';
  /** The segment as it is after the write. */
  segment: SegmentExtent;
  /** Which of the group's batches go into it: `[firstBatch, endBatch)`. */
  firstBatch: number;
  endBatch: number;
}

export interface AppendPlan {
  /** The base offset of each batch, in order. */
  baseOffsets: number[];
  writes: SegmentWrite[];
  /** The log after all writes. */
  head: LogHead;
}

export function planAppend(head: LogHead, batches: readonly BatchExtent[]): AppendPlan {
  const groupBytes = batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0);
  const packBytes = Math.min(PACK_BYTES_MAX, Math.max(PACK_BYTES_MIN, PACK_APPENDS * groupBytes));
  const extendsTail = head.tail !== null && head.tail.bytes + groupBytes <= packBytes;
  const plan: AppendPlan = { baseOffsets: [], writes: [], head: { ...head } };
  let write: SegmentWrite | null =
    extendsTail && head.tail
      ? { kind: 'extend', segment: { ...head.tail }, firstBatch: 0, endBatch: 0 }
      : null;
  batches.forEach((batch, index) => {
    if (write === null || write.segment.bytes + batch.sizeInBytes > SEGMENT_BYTES_MAX) {
      if (write) plan.writes.push(write);
      write = { kind: 'insert', segment: emptySegmentAt(plan.head), firstBatch: index, endBatch: index };
    }
    plan.baseOffsets.push(plan.head.nextOffset);
    plan.head.nextOffset += batch.lastOffsetDelta + 1;
    plan.head.nextPosition += batch.sizeInBytes;
    plan.head.maxTimestampSoFar = Math.max(plan.head.maxTimestampSoFar, batch.maxTimestamp);
    write.endBatch = index + 1;
    write.segment.bytes += batch.sizeInBytes;
    write.segment.nextOffset = plan.head.nextOffset;
    write.segment.maxTimestamp = Math.max(write.segment.maxTimestamp, batch.maxTimestamp);
    write.segment.maxTimestampSoFar = plan.head.maxTimestampSoFar;
  });
  if (write !== null) {
    plan.writes.push(write);
    plan.head.tail = (write as SegmentWrite).segment;
  }
  return plan;
}

function emptySegmentAt(head: LogHead): SegmentExtent {
  return {
    baseOffset: head.nextOffset,
    nextOffset: head.nextOffset,
    maxTimestamp: -1,
    maxTimestampSoFar: head.maxTimestampSoFar,
    position: head.nextPosition,
    bytes: 0,
  };
}
