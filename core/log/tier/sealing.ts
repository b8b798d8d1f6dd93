/**
 * Sealing: which segments of a partition move to the bucket. A partition keeps its youngest segments in its object (the
 * *hot* part). When that part has grown beyond `hot_bytes` by one object, its oldest segments become an object of the bucket.
 */

import type { TopicConfig } from '../../../protocol/schemas/topics.ts';
import type { SegmentExtent } from '../segment.ts';

/** The bytes of one object. A partition builds it in memory, and many partitions may share 128 MB. */
export const OBJECT_BYTES = 8 * 1024 * 1024;

/** The segments of one object: those of many small appends have 8 to 32 KiB each. */
export const OBJECT_SEGMENTS_MAX = 1_024;

/**
 * Returns the bytes that a partition of the topic keeps in its object; null if all of them. Compaction rewrites segments of
 * all ages, which objects do not allow, and a bucket may lie outside of the jurisdiction of the topic.
 */
export function hotBytesOf(
  config: Pick<TopicConfig, 'cleanup_policy' | 'jurisdiction' | 'hot_bytes'>,
): number | null {
  if (config.cleanup_policy !== 'delete' || config.jurisdiction !== null) return null;
  return config.hot_bytes;
}

/** A small hot part has small objects: it is exceeded by a quarter at most. */
export function objectBytesOf(hotBytesMax: number): number {
  return Math.min(OBJECT_BYTES, Math.ceil(hotBytesMax / 4));
}

/**
 * Returns whether segments have to move.
 * @param hotBytes of the hot part
 * @param tailBytes of its last segment, which cannot move
 */
export function isSealingDue(hotBytes: number, tailBytes: number, hotBytesMax: number | null): boolean {
  if (hotBytesMax === null || hotBytes === tailBytes) return false;
  return hotBytes >= hotBytesMax + objectBytesOf(hotBytesMax);
}

/**
 * Returns the segments of the next object: the oldest, up to its size, at least one, never the last of the log, because
 * small appends extend that.
 * @param oldest segments of the hot part, in order, at most `OBJECT_SEGMENTS_MAX` and one
 * @param tail the base offset of the last segment of the log
 */
export function planObject(
  oldest: readonly SegmentExtent[],
  tail: number,
  objectBytes: number,
): SegmentExtent[] {
  const run: SegmentExtent[] = [];
  let bytes = 0;
  for (const segment of oldest.slice(0, OBJECT_SEGMENTS_MAX)) {
    if (segment.baseOffset === tail) break;
    if (run.length > 0 && bytes + segment.bytes > objectBytes) break;
    run.push(segment);
    bytes += segment.bytes;
  }
  return run;
}

/** Returns the extent of the object that holds a run of segments. */
export function extentOfRun(run: readonly SegmentExtent[]): SegmentExtent {
  const first = run[0]!;
  const last = run[run.length - 1]!;
  return {
    baseOffset: first.baseOffset,
    nextOffset: last.nextOffset,
    maxTimestamp: run.reduce((max, { maxTimestamp }) => Math.max(max, maxTimestamp), -1),
    maxTimestampSoFar: last.maxTimestampSoFar,
    position: first.position,
    bytes: run.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
