/**
 * Tier store: the objects of the bucket that hold segments of a partition. Neither table exists until the first is stored.
 *
 *   cold_objects   a row an object: the extent of its segments, its key, and the index of its segments (object-index.ts), which
 *                  comes last, so that a look at the other columns does not read it. Never changed; removed by retention.
 *   orphans        a row a key that the bucket may have and no row of `cold_objects` names: of an attempt that is under way or was
 *                  given up, or of an object that retention has removed. `due_ms`: when it is to be deleted from the bucket.
 *                  Removed when it is deleted, or when the row of the object is written.
 */

import type { SegmentExtent } from '../../../core/log/segment.ts';
import type { Sql, SqlRow } from '../../storage/sql.ts';

const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS cold_objects (
     base_offset INTEGER PRIMARY KEY,
     next_offset INTEGER NOT NULL,
     max_timestamp INTEGER NOT NULL,
     max_timestamp_so_far INTEGER NOT NULL,
     position INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     key TEXT NOT NULL,
     segments BLOB NOT NULL
   )`,
  'CREATE TABLE IF NOT EXISTS orphans (key TEXT PRIMARY KEY, due_ms INTEGER NOT NULL) WITHOUT ROWID',
];

interface ObjectRow extends SqlRow {
  base_offset: number;
  next_offset: number;
  max_timestamp: number;
  max_timestamp_so_far: number;
  position: number;
  bytes: number;
}

/** An object of the bucket, and the index of its segments. */
export interface ColdObject {
  key: string;
  nextOffset: number;
  index: Uint8Array;
}

const EXTENT = 'base_offset, next_offset, max_timestamp, max_timestamp_so_far, position, bytes';

export class TierStore {
  readonly #sql: Sql;
  /** Whether the tables exist. */
  isUsed: boolean;

  constructor(sql: Sql, isUsed: boolean) {
    this.#sql = sql;
    this.isUsed = isUsed;
  }

  objectsFrom(from: number, limit: number): SegmentExtent[] {
    if (!this.isUsed) return [];
    return this.#sql
      .all<ObjectRow>(
        `SELECT ${EXTENT} FROM cold_objects WHERE base_offset >= ? ORDER BY base_offset LIMIT ?`,
        from,
        limit,
      )
      .map((row) => ({
        baseOffset: row.base_offset,
        nextOffset: row.next_offset,
        maxTimestamp: row.max_timestamp,
        maxTimestampSoFar: row.max_timestamp_so_far,
        position: row.position,
        bytes: row.bytes,
      }));
  }

  /** The object that holds the offset, or the next one after it. */
  objectAtOrAfter(offset: number): ColdObject | undefined {
    const columns = 'key, next_offset, segments';
    const [row] = this.#sql.all<{ key: string; next_offset: number; segments: Uint8Array }>(
      `SELECT ${columns} FROM cold_objects WHERE base_offset <= ? ORDER BY base_offset DESC LIMIT 1`,
      offset,
    );
    if (row !== undefined && row.next_offset > offset) return objectOf(row);
    const [next] = this.#sql.all<{ key: string; next_offset: number; segments: Uint8Array }>(
      `SELECT ${columns} FROM cold_objects WHERE base_offset > ? ORDER BY base_offset LIMIT 1`,
      offset,
    );
    return next && objectOf(next);
  }

  /** Notes a key before anything is stored under it. */
  noteOrphan(key: string, dueMs: number): void {
    this.#sql.transaction(() => {
      if (!this.isUsed) for (const statement of SCHEMA) this.#sql.run(statement);
      this.#sql.run('INSERT OR REPLACE INTO orphans VALUES (?, ?)', key, dueMs);
    });
    this.isUsed = true;
  }

  /** Names the object under a key that was noted. Called within a transaction. */
  addObject(key: string, extent: SegmentExtent, index: Uint8Array): void {
    this.#sql.run(
      `INSERT INTO cold_objects (${EXTENT}, key, segments) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      extent.baseOffset,
      extent.nextOffset,
      extent.maxTimestamp,
      extent.maxTimestampSoFar,
      extent.position,
      extent.bytes,
      key,
      index,
    );
    this.#sql.run('DELETE FROM orphans WHERE key = ?', key);
  }

  /** Makes orphans of the objects with a base offset below `end`. Called within a transaction. */
  removeBefore(end: number): void {
    this.#sql.run('INSERT INTO orphans SELECT key, 0 FROM cold_objects WHERE base_offset < ?', end);
    this.#sql.run('DELETE FROM cold_objects WHERE base_offset < ?', end);
  }

  hasOrphan(key: string): boolean {
    return this.#sql.all('SELECT 1 FROM orphans WHERE key = ?', key).length > 0;
  }

  /** The keys that are due, without the one of an attempt that is under way. */
  dueOrphans(nowMs: number, except: string, limit: number): string[] {
    if (!this.isUsed) return [];
    return this.#sql
      .all<{ key: string }>(
        'SELECT key FROM orphans WHERE due_ms <= ? AND key <> ? LIMIT ?',
        nowMs,
        except,
        limit,
      )
      .map(({ key }) => key);
  }

  /** When the next orphan is due, in ms; null if there is none. */
  nextOrphanMs(): number | null {
    if (!this.isUsed) return null;
    const [row] = this.#sql.all<{ due_ms: number | null }>('SELECT min(due_ms) AS due_ms FROM orphans');
    return row!.due_ms;
  }

  removeOrphans(keys: readonly string[]): void {
    this.#sql.transaction(() => {
      for (const key of keys) this.#sql.run('DELETE FROM orphans WHERE key = ?', key);
    });
  }
}

function objectOf(row: { key: string; next_offset: number; segments: Uint8Array }): ColdObject {
  return { key: row.key, nextOffset: row.next_offset, index: row.segments };
}
