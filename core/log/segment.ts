/**
 * Segment: a run of whole record batches in one row, at most 1 MiB. Its row is keyed by base offset, so that the
 * segments of a log are in offset order and any offset is found without scanning. Offsets are half-open: `[baseOffset,
 * nextOffset)`. Compaction may remove records inside, never change the range.
 */
export interface SegmentExtent {
  /** The offset of the first record ever written to it. */
  baseOffset: number;
  /** The offset after the last record ever written to it. */
  nextOffset: number;
  /** The largest timestamp in it, in ms. */
  maxTimestamp: number;
  /**
   * The largest timestamp in the log up to its end. It never falls from one segment to the next even if timestamps
   * do, so that the first segment with a record at or after a time is found by bisection, without a second index.
   */
  maxTimestampSoFar: number;
  /** Bytes appended to the log before it. The difference of two positions is a size, without adding up rows. */
  position: number;
  /** Bytes it holds now; compaction makes it fewer. */
  bytes: number;
}

/** The state of a log in memory: its ends and its last segment. Everything else is on disk. */
export interface LogHead {
  /** The first offset that can be read. Raised by retention and by deleting records; never falls. */
  logStartOffset: number;
  /** The offset that the next record gets: the high watermark. */
  nextOffset: number;
  /** The position that the next batch gets. */
  nextPosition: number;
  /** The largest timestamp ever appended, -1 before the first. */
  maxTimestampSoFar: number;
  /** The last segment, which small appends extend. */
  tail: SegmentExtent | null;
}

export const EMPTY_LOG: LogHead = {
  logStartOffset: 0,
  nextOffset: 0,
  nextPosition: 0,
  maxTimestampSoFar: -1,
  tail: null,
};
