/**
 * The table of what groups have committed in a partition.
 *
 *   group_offsets   a row per group that has read or committed here: who may commit since which epoch, the committed
 *                   offset (null: none), its metadata, and when the row was written last. Absent: the group has never
 *                   been here, or what it had committed has expired. Keyed by name, without a rowid: a commit is one row
 *
 * The table itself is made with the first row: most partitions that were made before groups never need it.
 */

import type { GroupOffset } from '../../core/group/offsets.ts';
import type { Sql, SqlRow } from '../storage/sql.ts';

interface Row extends SqlRow {
  group_name: string;
  epoch: number;
  member_id: string | null;
  committed: number | null;
  metadata: string;
  used_ms: number;
}

export class GroupOffsetsStore {
  readonly #sql: Sql;
  #isMade: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#isMade = sql.all("SELECT name FROM sqlite_master WHERE name = 'group_offsets'").length > 0;
  }

  get(group: string): GroupOffset | null {
    if (!this.#isMade) return null;
    const [row] = this.#sql.all<Row>('SELECT * FROM group_offsets WHERE group_name = ?', group);
    return row ? offsetOf(row) : null;
  }

  put(group: string, { epoch, memberId, offset, metadata, usedMs }: GroupOffset): void {
    if (!this.#isMade) {
      this.#sql.run(
        `CREATE TABLE IF NOT EXISTS group_offsets (
           group_name TEXT PRIMARY KEY,
           epoch INTEGER NOT NULL,
           member_id TEXT,
           committed INTEGER,
           metadata TEXT NOT NULL,
           used_ms INTEGER NOT NULL
         ) WITHOUT ROWID`,
      );
      this.#isMade = true;
    }
    this.#sql.run(
      'INSERT OR REPLACE INTO group_offsets VALUES (?, ?, ?, ?, ?, ?)',
      group,
      epoch,
      memberId,
      offset,
      metadata,
      usedMs,
    );
  }

  remove(group: string): void {
    if (this.#isMade) this.#sql.run('DELETE FROM group_offsets WHERE group_name = ?', group);
  }

  /** The groups whose row was written last at or before a time. */
  usedUntil(timeMs: number): { group: string; usedMs: number }[] {
    if (!this.#isMade) return [];
    return this.#sql
      .all<Row>('SELECT * FROM group_offsets WHERE used_ms <= ?', timeMs)
      .map((row) => ({ group: row.group_name, usedMs: row.used_ms }));
  }

  /** When the row was written that was not written for the longest time. */
  oldestUseMs(): number | null {
    if (!this.#isMade) return null;
    return this.#sql.all<{ oldest: number | null }>('SELECT min(used_ms) AS oldest FROM group_offsets')[0]!
      .oldest;
  }
}

function offsetOf({ epoch, member_id, committed, metadata, used_ms }: Row): GroupOffset {
  return { epoch, memberId: member_id, offset: committed, metadata, usedMs: used_ms };
}
