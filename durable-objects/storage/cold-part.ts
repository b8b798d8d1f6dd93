/**
 * Cold part of a log: the segments that lie in objects of a bucket. They come before those in rows, the hot part. A log reads
 * them from memory, and tells its caller which bytes of which object it lacks.
 */

import type { SegmentExtent } from '../../core/log/segment.ts';
import type { Segment } from './segment-store.ts';

export interface ColdPart {
  /** The objects with a base offset of at least `from`, in order. */
  objectsFrom(from: number, limit: number): SegmentExtent[];
  /** The segment that holds the offset, or the next one after it in the cold part. */
  atOrAfter(offset: number): SegmentExtent | undefined;
  /** The segment that holds the offset and those after it in the cold part. Throws a `ColdMiss` at bytes that are not in memory. */
  segmentsFrom(offset: number): IterableIterator<Segment>;
  /** Removes the rows of objects with a base offset below `end`. Called within a transaction. */
  removeBefore(end: number): void;
}

/** A read lacks bytes of the bucket. It has changed nothing; it can be repeated when they are in memory. */
export class ColdMiss extends Error {
  readonly key: string;
  /** The bytes `[start, end)` of the object. */
  readonly start: number;
  readonly end: number;

  constructor(key: string, { start, end }: { start: number; end: number }) {
    super('records of the log are in the bucket and not in memory');
    this.key = key;
    this.start = start;
    this.end = end;
  }
}

/** Of a log that has no bucket. */
export const NO_COLD_PART: ColdPart = {
  objectsFrom: () => [],
  atOrAfter: () => undefined,
  // eslint-disable-next-line require-yield
  *segmentsFrom() {},
  removeBefore: () => {},
};
