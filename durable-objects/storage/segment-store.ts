/**
 * Segment store: the tables of a log, and every statement on them.
 *
 *   segments   one row a segment. The tail is replaced while it is small, others only by compaction. `data` comes last,
 *              so that a look at the other columns does not read it.
 *   log        one row, absent for a log that nothing was ever removed from: what cannot be derived from the segments
 *              once some are gone. Written by retention, deletion and compaction, never by an append.
 *
 * No index beyond the key: each would be one more row written for every append.
 */

import type { SegmentExtent } from '../../core/log/segment.ts';
import type { Sql, SqlRow } from './sql.ts';

export const LOG_SCHEMA = [
  `CREATE TABLE IF NOT EXISTS segments (
     base_offset INTEGER PRIMARY KEY,
     next_offset INTEGER NOT NULL,
     max_timestamp INTEGER NOT NULL,
     max_timestamp_so_far INTEGER NOT NULL,
     position INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     data BLOB NOT NULL
   )`,
  `CREATE TABLE IF NOT EXISTS log (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     log_start_offset INTEGER NOT NULL,
     next_offset INTEGER NOT NULL,
     next_position INTEGER NOT NULL,
     max_timestamp_so_far INTEGER NOT NULL,
     hollow_bytes INTEGER NOT NULL,
     compacted_offset INTEGER NOT NULL,
     compacted_position INTEGER NOT NULL
   )`,
] as const;

/** The row of `log`. Offsets, positions and times are those at the time of writing: the log may have grown since. */
export interface LogRow {
  logStartOffset: number;
  nextOffset: number;
  nextPosition: number;
  maxTimestampSoFar: number;
  /** Bytes between the first position and the end that compaction has taken out: a size is a difference less these. */
  hollowBytes: number;
  /** Offsets below it have been compacted. */
  compactedOffset: number;
  /** The position of that offset. */
  compactedPosition: number;
}

interface ExtentRow extends SqlRow {
  base_offset: number;
  next_offset: number;
  max_timestamp: number;
  max_timestamp_so_far: number;
  position: number;
  bytes: number;
}

interface SegmentRow extends ExtentRow {
  data: Uint8Array;
}

export interface Segment extends SegmentExtent {
  data: Uint8Array;
}

/** Segments up to this size are read several to a statement. */
const SMALL_BYTES_MAX = 64 * 1024;
const SMALL_AT_ONCE = 256;

const EXTENT = 'base_offset, next_offset, max_timestamp, max_timestamp_so_far, position, bytes';

export class SegmentStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  insert(extent: SegmentExtent, data: Uint8Array): void {
    this.#sql.run(
      `INSERT INTO segments (${EXTENT}, data) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      extent.baseOffset,
      extent.nextOffset,
      extent.maxTimestamp,
      extent.maxTimestampSoFar,
      extent.position,
      extent.bytes,
      data,
    );
  }

  /** Replaces the row of the same base offset. Its position stays. */
  replace(extent: SegmentExtent, data: Uint8Array): void {
    this.#sql.run(
      `UPDATE segments SET next_offset = ?, max_timestamp = ?, max_timestamp_so_far = ?, bytes = ?, data = ?
       WHERE base_offset = ?`,
      extent.nextOffset,
      extent.maxTimestamp,
      extent.maxTimestampSoFar,
      extent.bytes,
      data,
      extent.baseOffset,
    );
  }

  /** Removes the segments with a base offset in `[from, to)`. */
  remove(from: number, to: number): void {
    this.#sql.run('DELETE FROM segments WHERE base_offset >= ? AND base_offset < ?', from, to);
  }

  last(): Segment | undefined {
    const [row] = this.#sql.all<SegmentRow>(
      `SELECT ${EXTENT}, data FROM segments ORDER BY base_offset DESC LIMIT 1`,
    );
    return row && { ...extentOf(row), data: row.data };
  }

  /** The first segments, without their data. */
  oldest(limit: number): SegmentExtent[] {
    return this.extentsFrom(0, limit);
  }

  /** Segments with a base offset of at least `from`, without their data. */
  extentsFrom(from: number, limit: number): SegmentExtent[] {
    return this.#sql
      .all<ExtentRow>(
        `SELECT ${EXTENT} FROM segments WHERE base_offset >= ? ORDER BY base_offset LIMIT ?`,
        from,
        limit,
      )
      .map(extentOf);
  }

  /** The segment that holds the offset, or the next one after it, without its data. */
  extentAtOrAfter(offset: number): SegmentExtent | undefined {
    const [row] = this.#sql.all<ExtentRow>(
      `SELECT ${EXTENT} FROM segments WHERE base_offset <= ? ORDER BY base_offset DESC LIMIT 1`,
      offset,
    );
    if (row !== undefined && row.next_offset > offset) return extentOf(row);
    return this.extentsFrom(offset, 1)[0];
  }

  /**
   * The segment that holds the offset and those after it, in order. A large one has a statement of its own: a cursor goes to its
   * next row before that row is asked for, and most reads end with one segment.
   */
  *segmentsFrom(offset: number): IterableIterator<Segment> {
    let from = offset;
    for (let atOnce = 1; ;) {
      const rows = this.#sql.each<SegmentRow>(
        `SELECT ${EXTENT}, data FROM segments
         WHERE base_offset >= coalesce((SELECT max(base_offset) FROM segments WHERE base_offset <= ?1), 0)
           AND next_offset > ?1
         ORDER BY base_offset LIMIT ?2`,
        from,
        atOnce,
      );
      let last: ExtentRow | undefined;
      for (const row of rows) {
        last = row;
        yield { ...extentOf(row), data: row.data };
      }
      if (last === undefined) return;
      from = last.next_offset;
      atOnce = last.bytes <= SMALL_BYTES_MAX ? SMALL_AT_ONCE : 1;
    }
  }

  /** Reads every row's key: for describing a partition, not for the hot path. */
  count(): number {
    const [row] = this.#sql.all<{ count: number }>('SELECT count(*) AS count FROM segments');
    return row?.count ?? 0;
  }

  readLog(): LogRow | undefined {
    const [row] = this.#sql.all<Record<string, number>>('SELECT * FROM log');
    return (
      row && {
        logStartOffset: row['log_start_offset']!,
        nextOffset: row['next_offset']!,
        nextPosition: row['next_position']!,
        maxTimestampSoFar: row['max_timestamp_so_far']!,
        hollowBytes: row['hollow_bytes']!,
        compactedOffset: row['compacted_offset']!,
        compactedPosition: row['compacted_position']!,
      }
    );
  }

  writeLog(row: LogRow): void {
    this.#sql.run(
      'INSERT OR REPLACE INTO log VALUES (1, ?, ?, ?, ?, ?, ?, ?)',
      row.logStartOffset,
      row.nextOffset,
      row.nextPosition,
      row.maxTimestampSoFar,
      row.hollowBytes,
      row.compactedOffset,
      row.compactedPosition,
    );
  }
}

function extentOf(row: ExtentRow): SegmentExtent {
  return {
    baseOffset: row.base_offset,
    nextOffset: row.next_offset,
    maxTimestamp: row.max_timestamp,
    maxTimestampSoFar: row.max_timestamp_so_far,
    position: row.position,
    bytes: row.bytes,
  };
}
