/** Fetching: which offsets can be read, and which bytes of a segment answer a fetch. */

import { failure, type Failure } from '../../protocol/errors.ts';
import { isBatchFailure, readBatchHeader, type BatchHeader } from '../../protocol/record-batch/index.ts';
import type { LogHead } from './segment.ts';

/** The end of the log can be asked for: it is where the next record will be. */
export function checkOffset(head: LogHead, offset: number): Failure | null {
  const { logStartOffset, nextOffset } = head;
  const range = { log_start_offset: logStartOffset, high_watermark: nextOffset };
  if (offset < logStartOffset) {
    return failure(
      'offset_below_start',
      `offset ${offset} has been removed; the log starts at ${logStartOffset} and ends at ${nextOffset}`,
      range,
    );
  }
  if (offset > nextOffset) {
    return failure(
      'offset_past_end',
      `offset ${offset} does not exist yet; the log starts at ${logStartOffset} and ends at ${nextOffset}`,
      range,
    );
  }
  return null;
}

export interface Slice {
  /** Bytes `[start, end)` of the segment: whole batches. */
  start: number;
  end: number;
  /** The offset after the last of them. */
  nextOffset: number;
}

/**
 * The batches of a segment from the one that holds `offset` (or the next one that exists) on, until `bytesMax` or
 * `recordsMax` is reached, at least one. Null where the segment has nothing at or after the offset.
 */
export function sliceSegment(
  segment: Uint8Array,
  offset: number,
  bytesMax: number,
  recordsMax: number,
): Slice | null {
  let slice: Slice | null = null;
  for (let at = 0; at < segment.length;) {
    const header = storedHeader(segment, at);
    const nextOffset = header.baseOffset + header.lastOffsetDelta + 1;
    const end = at + header.sizeInBytes;
    if (slice !== null) {
      if (end - slice.start > bytesMax || slice.nextOffset - offset >= recordsMax) return slice;
      slice.end = end;
      slice.nextOffset = nextOffset;
    } else if (nextOffset > offset) {
      slice = { start: at, end, nextOffset };
    }
    at = end;
  }
  return slice;
}

/** The header of a batch that the log itself stored. That it cannot be read is damage or a bug, never a caller's fault. */
export function storedHeader(segment: Uint8Array, at: number): BatchHeader {
  const header = readBatchHeader(segment, at);
  if (isBatchFailure(header)) throw new Error(`stored segment is damaged at byte ${at}: ${header.message}`);
  return header;
}
