/** Fetching: which offsets can be read, and which bytes of a segment answer a fetch. */

import { failure, type Failure } from '../../protocol/errors.ts';
import {
  isBatchFailure,
  isDamaged,
  readBatchHeader,
  surveyBatches,
  type BatchHeader,
} from '../../protocol/record-batch/index.ts';
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

/** Which offsets stored bytes hold: those of a segment row. */
export interface OffsetRange {
  baseOffset: number;
  nextOffset: number;
}

/**
 * The batches of a segment from the one that holds `offset` (or the next one that exists) on, until `bytesMax` or
 * `recordsMax` is reached, at least one. Null if the segment has nothing at or after the offset. Damaged bytes are
 * included unchanged: readers of bytes get what is stored.
 */
export function sliceSegment(
  segment: Uint8Array,
  range: OffsetRange,
  offset: number,
  bytesMax: number,
  recordsMax: number,
): Slice | null {
  let slice: Slice | null = null;
  for (const { at: start, end, nextOffset } of storedParts(segment, range)) {
    if (slice !== null) {
      if (end - slice.start > bytesMax || slice.nextOffset - offset >= recordsMax) return slice;
      slice.end = end;
      slice.nextOffset = nextOffset;
    } else if (nextOffset > offset) {
      slice = { start, end, nextOffset };
    }
  }
  return slice;
}

/** Bytes `[at, end)` of a segment: a batch, or what is left of some that are damaged. */
export interface StoredPart extends OffsetRange {
  at: number;
  end: number;
}

/**
 * The parts of a segment, by the headers of its batches alone. Only if these contradict each other or the row, bytes
 * are damaged, and the CRCs tell where.
 */
export function storedParts(segment: Uint8Array, { baseOffset, nextOffset }: OffsetRange): StoredPart[] {
  const parts: StoredPart[] = [];
  let expected = baseOffset;
  for (let at = 0; at < segment.length;) {
    const header = readBatchHeader(segment, at);
    if (isBatchFailure(header) || header.baseOffset < expected) return surveyedParts();
    const next = header.baseOffset + header.lastOffsetDelta + 1;
    if (next > nextOffset) return surveyedParts();
    parts.push({ at, end: at + header.sizeInBytes, baseOffset: header.baseOffset, nextOffset: next });
    expected = next;
    at += header.sizeInBytes;
  }
  return parts;

  function surveyedParts(): StoredPart[] {
    return surveyBatches(segment, baseOffset, nextOffset).map((piece) => {
      if (isDamaged(piece)) return piece;
      const { at, header } = piece;
      const next = header.baseOffset + header.lastOffsetDelta + 1;
      return { at, end: at + header.sizeInBytes, baseOffset: header.baseOffset, nextOffset: next };
    });
  }
}

/** Reads the header of a batch that was checked before. A failure is a bug, never a caller's error. */
export function storedHeader(segment: Uint8Array, at: number): BatchHeader {
  const header = readBatchHeader(segment, at);
  if (isBatchFailure(header)) throw new Error(`a checked batch cannot be read at ${at}: ${header.message}`);
  return header;
}
