/**
 * Object index: where the segments of an object of the bucket lie in it. It is stored with the row of the object:
 *
 *   for each segment, six float64, big-endian: base offset, next offset, largest timestamp, largest timestamp so far,
 *   position, bytes
 *
 * The segments follow each other in the object as they do here. A read brings a *chunk*: neighbouring segments of about
 * 4 MiB. Chunks begin at fixed segments, so that readers of the same records share them.
 */

import type { SegmentExtent } from '../segment.ts';

/** One read of the bucket: few reads for a whole object, and little that a reader of one record waits for. */
export const CHUNK_BYTES = 4 * 1024 * 1024;

const FIELDS = 6;
const ENTRY_BYTES = FIELDS * 8;

/** A segment and where it begins in its object. */
export interface IndexedSegment extends SegmentExtent {
  start: number;
}

/** Neighbouring segments: bytes `[start, end)` of their object. */
export interface Chunk {
  start: number;
  end: number;
  segments: IndexedSegment[];
}

export function encodeObjectIndex(run: readonly SegmentExtent[]): Uint8Array {
  const bytes = new Uint8Array(run.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  run.forEach((segment, index) => {
    const { baseOffset, nextOffset, maxTimestamp, maxTimestampSoFar, position } = segment;
    [baseOffset, nextOffset, maxTimestamp, maxTimestampSoFar, position, segment.bytes].forEach(
      (value, field) => view.setFloat64(index * ENTRY_BYTES + field * 8, value),
    );
  });
  return bytes;
}

export function decodeObjectIndex(bytes: Uint8Array): IndexedSegment[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  return Array.from({ length: bytes.length / ENTRY_BYTES }, (_, index) => {
    const field = (number: number): number => view.getFloat64(index * ENTRY_BYTES + number * 8);
    const segment = {
      baseOffset: field(0),
      nextOffset: field(1),
      maxTimestamp: field(2),
      maxTimestampSoFar: field(3),
      position: field(4),
      bytes: field(5),
      start,
    };
    start += segment.bytes;
    return segment;
  });
}

/** Returns the chunks of an object, in order: each ends with the segment that fills it. */
export function chunksOf(segments: readonly IndexedSegment[], chunkBytes = CHUNK_BYTES): Chunk[] {
  const chunks: Chunk[] = [];
  for (const segment of segments) {
    const last = chunks[chunks.length - 1];
    const end = segment.start + segment.bytes;
    if (last === undefined || last.end - last.start >= chunkBytes)
      chunks.push({ start: segment.start, end, segments: [segment] });
    else {
      last.end = end;
      last.segments.push(segment);
    }
  }
  return chunks;
}

/** Returns the first of those that follow each other which ends after the offset: the one that holds it, or the next. */
export function firstAfter<Range extends { nextOffset: number }>(
  ranges: readonly Range[],
  offset: number,
): Range | undefined {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.nextOffset > offset) high = middle;
    else low = middle + 1;
  }
  return ranges[low];
}
