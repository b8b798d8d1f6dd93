/**
 * Segment log: the one storage engine. It appends whole record batches, reads from any offset or time, and removes from
 * the start. It is synchronous. Each change is one transaction, and memory changes only after it has succeeded. In
 * memory it keeps the ends of the log and the last segment while that is small, whatever the log's length. Its oldest
 * segments may lie in a bucket: cold-part.ts.
 */

import { PACK_BYTES_MAX, planAppend, type BatchExtent } from '../../core/log/append.ts';
import { checkOffset, sliceSegment } from '../../core/log/fetch.ts';
import {
  expiredSegments,
  nextRetentionCheck,
  RETENTION_SLICE_SEGMENTS,
  type RetentionPolicy,
} from '../../core/log/retention.ts';
import { EMPTY_LOG, type LogHead, type SegmentExtent } from '../../core/log/segment.ts';
import { offsetInSegment, segmentForTimestamp } from '../../core/log/time-index.ts';
import type { Failure } from '../../protocol/errors.ts';
import { setBaseOffset, type Inflate } from '../../protocol/record-batch/index.ts';
import { concatenate, ownBytes } from '../../protocol/bytes.ts';
import { ColdMiss, NO_COLD_PART, type ColdPart } from './cold-part.ts';
import { LOG_SCHEMA, SegmentStore, type LogRow, type Segment } from './segment-store.ts';
import type { Sql } from './sql.ts';

/** A batch to append: where it lies in a buffer that the log may write its offset into. */
export interface AppendBatch extends BatchExtent {
  bytes: Uint8Array;
  at: number;
}

export interface ReadResult {
  /** Whole batches, in order; the first may begin before the offset asked for. */
  chunks: Uint8Array[];
  /** Where to go on: after the last record of the last batch, or the offset asked for if there is none. */
  nextOffset: number;
}

export interface LogOffsets {
  logStartOffset: number;
  highWatermark: number;
}

export class SegmentLog {
  readonly #sql: Sql;
  readonly #store: SegmentStore;
  readonly #cold: ColdPart;
  #head: LogHead = EMPTY_LOG;
  /** The bytes of the tail while it is small enough to be extended. */
  #tailData: Uint8Array | null = null;
  /** The first object of the cold part, and the first segment of the hot part. */
  #oldestCold: SegmentExtent | null = null;
  #oldestHot: SegmentExtent | null = null;
  #row: LogRow | null = null;

  static createTables(sql: Sql): void {
    for (const statement of LOG_SCHEMA) sql.run(statement);
  }

  /** Opens a log whose tables exist. Reads three rows, however long it is. */
  constructor(sql: Sql, cold: ColdPart = NO_COLD_PART) {
    this.#sql = sql;
    this.#cold = cold;
    this.#store = new SegmentStore(sql);
    this.#load();
  }

  get offsets(): LogOffsets {
    return { logStartOffset: this.#head.logStartOffset, highWatermark: this.#head.nextOffset };
  }

  get head(): Readonly<LogHead> {
    return this.#head;
  }

  /** Bytes of record batches stored. */
  get sizeBytes(): number {
    if (this.#oldest === null) return 0;
    return this.#head.nextPosition - this.#oldest.position - (this.#row?.hollowBytes ?? 0);
  }

  /** The bytes of them that are in the bucket, with what compaction has taken out. */
  get coldBytes(): number {
    return this.#oldestCold === null ? 0 : this.#hotPosition - this.#oldestCold.position;
  }

  get hotBytes(): number {
    return this.#head.nextPosition - this.#hotPosition;
  }

  /** Whether the offset lies in the cold part. */
  isCold(offset: number): boolean {
    return this.#oldestCold !== null && offset < (this.#oldestHot?.baseOffset ?? this.#head.nextOffset);
  }

  /** The end of what has been compacted. */
  get compacted(): { offset: number; position: number } {
    return { offset: this.#row?.compactedOffset ?? 0, position: this.#row?.compactedPosition ?? 0 };
  }

  /** The number of segments in the hot part. */
  countSegments(): number {
    return this.#store.count();
  }

  /**
   * Appends the batches as one commit and returns their base offsets. At most one row for each begun MiB.
   * @param alongside writes more in the same transaction; called also if there is nothing to append
   */
  append(batches: readonly AppendBatch[], alongside: () => void = () => {}): number[] {
    if (batches.length === 0) {
      this.#sql.transaction(alongside);
      return [];
    }
    const plan = planAppend(this.#head, batches);
    plan.baseOffsets.forEach((baseOffset, index) => {
      const batch = batches[index]!;
      setBaseOffset(batch.bytes, batch.at, baseOffset);
    });
    let tailData: Uint8Array = new Uint8Array();
    this.#sql.transaction(() => {
      for (const { kind, segment, firstBatch, endBatch } of plan.writes) {
        const parts = kind === 'extend' ? [this.#tailBytes()] : [];
        for (const batch of batches.slice(firstBatch, endBatch)) {
          parts.push(batch.bytes.subarray(batch.at, batch.at + batch.sizeInBytes));
        }
        tailData = concatenate(parts);
        if (kind === 'extend') this.#store.replace(segment, tailData);
        else this.#store.insert(segment, tailData);
      }
      alongside();
    });
    this.#head = plan.head;
    this.#oldestHot ??= plan.writes[0]?.segment ?? null;
    if (this.#oldestHot?.baseOffset === plan.head.tail?.baseOffset) this.#oldestHot = plan.head.tail;
    this.#tailData = tailData.length < PACK_BYTES_MAX ? ownBytes(tailData) : null;
    return plan.baseOffsets;
  }

  /**
   * Reads from an offset on. A failure if the offset lies outside the log; nothing if it is the end. Throws a `ColdMiss` if it
   * lacks the first bytes; without later ones it returns less.
   */
  read(offset: number, bytesMax: number, recordsMax: number): ReadResult | Failure {
    const outside = checkOffset(this.#head, offset);
    if (outside) return outside;
    const result: ReadResult = { chunks: [], nextOffset: offset };
    if (offset === this.#head.nextOffset) return result;
    try {
      this.#readInto(result, offset, bytesMax, recordsMax);
    } catch (error) {
      if (!(error instanceof ColdMiss) || result.chunks.length === 0) throw error;
    }
    return result;
  }

  #readInto(result: ReadResult, offset: number, bytesMax: number, recordsMax: number): void {
    let budget = bytesMax;
    // The next segment is mostly like this one. If it had to be cut, it would be read from disk by this read and by the next.
    const wouldCut = ({ bytes }: Segment): boolean => bytes > budget && budget <= bytesMax / 2;
    for (const segment of this.#allSegmentsFrom(offset)) {
      const wanted = recordsMax - (result.nextOffset - offset);
      if (result.chunks.length > 0 && (budget <= 0 || wanted <= 0)) break;
      if (
        segment.baseOffset >= offset &&
        segment.bytes <= budget &&
        segment.nextOffset - result.nextOffset <= wanted
      ) {
        result.chunks.push(segment.data);
        result.nextOffset = segment.nextOffset;
        budget -= segment.bytes;
        if (wouldCut(segment)) break;
        continue;
      }
      const slice = sliceSegment(segment.data, segment, result.nextOffset, budget, wanted);
      if (slice === null) {
        result.nextOffset = segment.nextOffset; // compaction has left nothing here
        continue;
      }
      const isFirst = result.chunks.length === 0;
      if (!isFirst && slice.end - slice.start > budget) break;
      result.chunks.push(segment.data.subarray(slice.start, slice.end));
      result.nextOffset = slice.nextOffset;
      budget -= slice.end - slice.start;
      if (slice.end < segment.data.length || wouldCut(segment)) break;
    }
  }

  /** The offset of the first record at or after a time; the end of the log if there is none. */
  offsetForTimestamp(timestampMs: number, inflate: Inflate): number {
    const lookup = { atOrAfter: (offset: number) => this.#extentAtOrAfter(offset) };
    let extent = segmentForTimestamp(this.#head, lookup, timestampMs);
    while (extent !== undefined) {
      const [segment] = this.#allSegmentsFrom(extent.baseOffset);
      const found = offsetInSegment(segment!.data, segment!, timestampMs, this.#head.logStartOffset, inflate);
      if (found !== undefined) return found;
      extent = lookup.atOrAfter(extent.nextOffset);
    }
    return this.#head.nextOffset;
  }

  /**
   * Makes `before` the start of the log, if it is not past that already. The storage of what lies below is freed by
   * `retain`, in slices.
   */
  deleteRecords(before: number): LogOffsets | Failure {
    if (before <= this.#head.logStartOffset) return this.offsets;
    const outside = checkOffset(this.#head, before);
    if (outside) return outside;
    this.#forget(before, null, 0);
    return this.offsets;
  }

  /** Removes what retention allows, at most a slice. True if it should run again at once. */
  retain(policy: RetentionPolicy, nowMs: number): boolean {
    if (this.nextRetention(policy, nowMs) === null) return false;
    const oldest = this.#extentsFrom(0, RETENTION_SLICE_SEGMENTS);
    const count = expiredSegments(policy, this.#head, oldest, this.sizeBytes, nowMs);
    if (count === 0) return false;
    const removed = oldest.slice(0, count);
    const end = removed[count - 1]!.nextOffset;
    const next = oldest[count] ?? this.#extentsFrom(end, 1)[0] ?? null;
    const span = (next?.position ?? this.#head.nextPosition) - removed[0]!.position;
    const held = removed.reduce((sum, segment) => sum + segment.bytes, 0);
    this.#forget(Math.max(end, this.#head.logStartOffset), end, span - held);
    return count === RETENTION_SLICE_SEGMENTS;
  }

  /** When `retain` has to run next, in ms, or null. */
  nextRetention(policy: RetentionPolicy, nowMs: number): number | null {
    return nextRetentionCheck(policy, this.#head, this.#oldest, this.sizeBytes, nowMs);
  }

  /** The segments of the hot part from an offset on. */
  segmentsFrom(offset: number): ReturnType<SegmentStore['segmentsFrom']> {
    return this.#store.segmentsFrom(offset);
  }

  /**
   * Puts one segment (or none) in the place of a run of segments that does not include the tail.
   * @param run the segments that are there now, in order
   * @param data whole batches with the offsets they had
   */
  rewrite(run: readonly SegmentExtent[], data: Uint8Array, maxTimestamp: number): void {
    const first = run[0]!;
    const last = run[run.length - 1]!;
    const held = run.reduce((sum, segment) => sum + segment.bytes, 0);
    const segment: SegmentExtent = {
      ...first,
      nextOffset: last.nextOffset,
      maxTimestamp,
      maxTimestampSoFar: last.maxTimestampSoFar,
      bytes: data.length,
    };
    // Without a segment at the start of the log, sizes are counted from the next one's position.
    const isStart = first.baseOffset === this.#oldest?.baseOffset;
    const row = this.#currentRow();
    if (data.length === 0 && isStart) {
      row.hollowBytes -= this.#positionAfter(last) - first.position - held;
    } else {
      row.hollowBytes += held - data.length;
    }
    this.#oldestHot = this.#sql.transaction(() => {
      this.#store.remove(data.length === 0 ? first.baseOffset : first.baseOffset + 1, last.nextOffset);
      if (data.length > 0) this.#store.replace(segment, data);
      this.#store.writeLog(row);
      return this.#store.oldest(1)[0] ?? null; // here, so that a look that fails undoes it all
    });
    this.#row = row;
  }

  /** The first segments of the hot part, without their data. */
  oldestHot(limit: number): SegmentExtent[] {
    return this.#store.oldest(limit);
  }

  /**
   * Takes the first segments of the hot part out of their rows, for an object that has them. False, and nothing has changed,
   * if they are not there as they were.
   * @param alongside writes the row of the object in the same transaction
   */
  seal(run: readonly SegmentExtent[], alongside: () => void): boolean {
    const last = run[run.length - 1]!;
    const now = this.#store.oldest(run.length);
    const isSame = run.every(
      ({ baseOffset, nextOffset, bytes }, index) =>
        now[index]?.baseOffset === baseOffset &&
        now[index].nextOffset === nextOffset &&
        now[index].bytes === bytes,
    );
    if (!isSame || last.baseOffset === this.#head.tail?.baseOffset) return false;
    const [cold, hot] = this.#sql.transaction(() => {
      this.#store.remove(0, last.nextOffset);
      alongside();
      return this.#oldestOfParts();
    });
    this.#oldestCold = cold;
    this.#oldestHot = hot;
    return true;
  }

  /** Notes that everything below the offset has been compacted. */
  markCompacted(offset: number): void {
    const position = this.#store.extentAtOrAfter(offset)?.position ?? this.#head.nextPosition;
    const row = { ...this.#currentRow(), compactedOffset: offset, compactedPosition: position };
    this.#store.writeLog(row);
    this.#row = row;
  }

  #load(): void {
    const row = this.#store.readLog() ?? null;
    const { data, ...tail } = this.#store.last() ?? { data: null };
    const last = data === null ? null : (tail as SegmentExtent);
    this.#row = row;
    [this.#oldestCold, this.#oldestHot] = this.#oldestOfParts();
    this.#head = {
      logStartOffset: row?.logStartOffset ?? 0,
      nextOffset: last?.nextOffset ?? row?.nextOffset ?? 0,
      // The tail is never compacted, so its bytes are those that were appended.
      nextPosition: last ? last.position + last.bytes : (row?.nextPosition ?? 0),
      maxTimestampSoFar: last?.maxTimestampSoFar ?? row?.maxTimestampSoFar ?? -1,
      tail: last,
    };
    this.#tailData = data !== null && data.length < PACK_BYTES_MAX ? data : null;
  }

  /** Raises the start of the log and removes the segments and objects below `end`, as one transaction. */
  #forget(logStartOffset: number, end: number | null, hollowBytes: number): void {
    const row = this.#currentRow();
    row.logStartOffset = logStartOffset;
    row.hollowBytes -= hollowBytes;
    const [cold, hot] = this.#sql.transaction(() => {
      if (end !== null) {
        if (this.#oldestCold !== null) this.#cold.removeBefore(end);
        this.#store.remove(0, end);
      }
      this.#store.writeLog(row);
      return end === null ? [this.#oldestCold, this.#oldestHot] : this.#oldestOfParts();
    });
    this.#row = row;
    this.#head = { ...this.#head, logStartOffset };
    this.#oldestCold = cold;
    this.#oldestHot = hot;
    if (hot === null) {
      this.#head.tail = null;
      this.#tailData = null;
    }
  }

  get #oldest(): SegmentExtent | null {
    return this.#oldestCold ?? this.#oldestHot;
  }

  get #hotPosition(): number {
    return this.#oldestHot?.position ?? this.#head.nextPosition;
  }

  #oldestOfParts(): [cold: SegmentExtent | null, hot: SegmentExtent | null] {
    return [this.#cold.objectsFrom(0, 1)[0] ?? null, this.#store.oldest(1)[0] ?? null];
  }

  *#allSegmentsFrom(offset: number): IterableIterator<Segment> {
    if (this.isCold(offset)) yield* this.#cold.segmentsFrom(offset);
    yield* this.#store.segmentsFrom(offset);
  }

  #extentAtOrAfter(offset: number): SegmentExtent | undefined {
    return (this.isCold(offset) && this.#cold.atOrAfter(offset)) || this.#store.extentAtOrAfter(offset);
  }

  /** Objects of the cold part, then segments of the hot part, with a base offset of at least `from`. */
  #extentsFrom(from: number, limit: number): SegmentExtent[] {
    const objects = this.isCold(from) ? this.#cold.objectsFrom(from, limit) : [];
    return [...objects, ...this.#store.extentsFrom(from, limit - objects.length)];
  }

  #currentRow(): LogRow {
    return {
      logStartOffset: this.#head.logStartOffset,
      nextOffset: this.#head.nextOffset,
      nextPosition: this.#head.nextPosition,
      maxTimestampSoFar: this.#head.maxTimestampSoFar,
      hollowBytes: this.#row?.hollowBytes ?? 0,
      compactedOffset: this.#row?.compactedOffset ?? 0,
      compactedPosition: this.#row?.compactedPosition ?? 0,
    };
  }

  #positionAfter(segment: SegmentExtent): number {
    return this.#store.extentsFrom(segment.nextOffset, 1)[0]?.position ?? this.#head.nextPosition;
  }

  #tailBytes(): Uint8Array {
    if (this.#tailData === null) throw new Error('the tail is extended but not in memory');
    return this.#tailData;
  }
}
