/** Finding the first record at or after a time (Kafka's ListOffsets), by bisection over the segments. */

import { decodeRecords, type Inflate } from '../../protocol/record-batch/index.ts';
import { storedHeader } from './fetch.ts';
import type { LogHead, SegmentExtent } from './segment.ts';

/** How the search looks at the log: each call reads one row. */
export interface SegmentLookup {
  /** The segment that holds the offset, or the next one after it. */
  atOrAfter(offset: number): SegmentExtent | undefined;
}

/**
 * The first segment with a record at or after `timestampMs`, or undefined. At most about 50 look-ups for the bisection;
 * then one for each segment whose own records are older, which there are only where the record that raised the running
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

/** The offset of the first record of the segment at or after the time and not below `startOffset`. */
export function offsetInSegment(
  segment: Uint8Array,
  timestampMs: number,
  startOffset: number,
  inflate: Inflate,
): number | undefined {
  for (let at = 0; at < segment.length;) {
    const header = storedHeader(segment, at);
    if (header.maxTimestamp >= timestampMs) {
      const records = decodeRecords(segment, at, header, { inflate });
      if (!Array.isArray(records))
        throw new Error(`stored batch is damaged at byte ${at}: ${records.message}`);
      const found = records.find((record) => record.timestamp >= timestampMs && record.offset >= startOffset);
      if (found) return found.offset;
    }
    at += header.sizeInBytes;
  }
  return undefined;
}
