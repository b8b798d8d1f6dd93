/**
 * Store of group offsets: the table of what groups have committed in a partition.
 *
 *   group_offsets   a row per group that has read or committed here: who may commit since which epoch, the committed
 *                   offset (null: none), its metadata and leader epoch, when the row was written last, and as JSON what
 *                   transactions have committed here. Absent: the group has never been here, or what it had committed
 *                   has expired. Keyed by name, without a rowid: a commit is one row
 *
 * The table is created with the first row, because most partitions never need it.
 */

import type { GroupOffset } from '../../../core/group/offsets.ts';
import { readTransactionalOffsets } from '../../../core/group/transactional-offset.ts';
import type { Sql, SqlRow } from '../../storage/sql.ts';

interface Row extends SqlRow {
  group_name: string;
  epoch: number;
  member_id: string | null;
  committed: number | null;
  metadata: string;
  used_ms: number;
  /** Absent in tables that were made without it; so is the next. */
  txn?: string | null;
  leader_epoch?: number | null;
}

/** Columns that older tables lack, until their next write. */
const LATER_COLUMNS = ['txn TEXT', 'leader_epoch INTEGER'];

export class GroupOffsetsStore {
  readonly #sql: Sql;
  #isMade: boolean;
  #lacking: readonly string[];

  constructor(sql: Sql) {
    this.#sql = sql;
    const [table] = sql.all<{ sql: string }>("SELECT sql FROM sqlite_master WHERE name = 'group_offsets'");
    this.#isMade = table !== undefined;
    this.#lacking = LATER_COLUMNS.filter((column) => table?.sql.includes(column) === false);
  }

  get(group: string): GroupOffset | null {
    if (!this.#isMade) return null;
    const [row] = this.#sql.all<Row>('SELECT * FROM group_offsets WHERE group_name = ?', group);
    return row ? offsetOf(row) : null;
  }

  put(group: string, row: GroupOffset): void {
    if (!this.#isMade) {
      this.#sql.run(
        `CREATE TABLE IF NOT EXISTS group_offsets (
           group_name TEXT PRIMARY KEY,
           epoch INTEGER NOT NULL,
           member_id TEXT,
           committed INTEGER,
           metadata TEXT NOT NULL,
           used_ms INTEGER NOT NULL,
           ${LATER_COLUMNS.join(',')}
         ) WITHOUT ROWID`,
      );
      this.#isMade = true;
    }
    for (const column of this.#lacking) this.#sql.run(`ALTER TABLE group_offsets ADD COLUMN ${column}`);
    this.#lacking = [];
    this.#sql.run(
      'INSERT OR REPLACE INTO group_offsets VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      group,
      row.epoch,
      row.memberId,
      row.offset,
      row.metadata,
      row.usedMs,
      row.transactions && JSON.stringify(row.transactions),
      row.leaderEpoch,
    );
  }

  remove(group: string): void {
    if (this.#isMade) this.#sql.run('DELETE FROM group_offsets WHERE group_name = ?', group);
  }

  /** The first names of groups. */
  names(limit: number): string[] {
    if (!this.#isMade) return [];
    return this.#sql
      .all<{ group_name: string }>('SELECT group_name FROM group_offsets ORDER BY group_name LIMIT ?', limit)
      .map(({ group_name: name }) => name);
  }

  /** The groups whose row was written last at or before a time. */
  usedUntil(timeMs: number): { group: string; usedMs: number }[] {
    if (!this.#isMade) return [];
    return this.#sql
      .all<Row>('SELECT * FROM group_offsets WHERE used_ms <= ?', timeMs)
      .map((row) => ({ group: row.group_name, usedMs: row.used_ms }));
  }

  /** Returns the time of the oldest write. */
  oldestUseMs(): number | null {
    if (!this.#isMade) return null;
    return this.#sql.all<{ oldest: number | null }>('SELECT min(used_ms) AS oldest FROM group_offsets')[0]!
      .oldest;
  }
}

function offsetOf({ epoch, member_id, committed, metadata, used_ms, txn, leader_epoch }: Row): GroupOffset {
  return {
    epoch,
    memberId: member_id,
    offset: committed,
    metadata,
    leaderEpoch: leader_epoch ?? null,
    usedMs: used_ms,
    transactions: txn ? readTransactionalOffsets(txn) : null,
  };
}
