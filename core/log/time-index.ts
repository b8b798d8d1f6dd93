/** Time index: finds the first record at or after a time (Kafka's ListOffsets), by bisection over the segments. */

import { eachRecordKey, isDamaged, surveyBatches, type Inflate } from '../../protocol/record-batch/index.ts';
import type { OffsetRange } from './fetch.ts';
import type { LogHead, SegmentExtent } from './segment.ts';

/** The log, as the search reads it. Each call reads one row. */
export interface SegmentLookup {
  /** The segment that holds the offset, or the next one after it. */
  atOrAfter(offset: number): SegmentExtent | undefined;
}

/**
 * The first segment with a record at or after `timestampMs`, or undefined. At most about 50 look-ups for the bisection;
 * then one for each segment whose own records are older, which there are only if the record that raised the running
 * maximum has since been removed.
 */
export function segmentForTimestamp(
  head: LogHead,
  lookup: SegmentLookup,
  timestampMs: number,
): SegmentExtent | undefined {
  if (timestampMs > head.maxTimestampSoFar) return undefined;
  let low = head.logStartOffset;
  let high = head.nextOffset;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const segment = lookup.atOrAfter(middle);
    if (segment === undefined || segment.maxTimestampSoFar >= timestampMs) high = middle;
    else low = segment.nextOffset;
  }
  let segment = lookup.atOrAfter(low);
  while (segment !== undefined && segment.maxTimestamp < timestampMs) {
    segment = lookup.atOrAfter(segment.nextOffset);
  }
  return segment;
}

/**
 * The offset of the first record of the segment at or after the time and not below `startOffset`. Damaged batches are
 * passed over: nobody knows their times.
 */
export function offsetInSegment(
  segment: Uint8Array,
  { baseOffset, nextOffset }: OffsetRange,
  timestampMs: number,
  startOffset: number,
  inflate: Inflate,
): number | undefined {
  for (const piece of surveyBatches(segment, baseOffset, nextOffset)) {
    if (isDamaged(piece) || piece.header.maxTimestamp < timestampMs) continue;
    let found: number | undefined;
    eachRecordKey(
      segment,
      piece.at,
      piece.header,
      ({ offset, timestamp }) => {
        if (timestamp < timestampMs || offset < startOffset) return undefined;
        found = offset;
        return false;
      },
      { inflate },
    );
    if (found !== undefined) return found;
  }
  return undefined;
}
