/**
 * Store of group offsets: the table of what groups have committed in a partition.
 *
 *   group_offsets   a row per group that has read or committed here: who may commit since which epoch, the committed
 *                   offset (null: none), its metadata, when the row was written last, and as JSON the last transaction
 *                   that has committed here with what is pending of it. Absent: the group has never been here, or what
 *                   it had committed has expired. Keyed by name, without a rowid: a commit is one row
 *
 * The table is created with the first row, because most partitions never need it.
 */

import type { GroupOffset } from '../../../core/group/offsets.ts';
import type { TransactionalOffset } from '../../../core/group/transactional-offset.ts';
import type { Sql, SqlRow } from '../../storage/sql.ts';

interface Row extends SqlRow {
  group_name: string;
  epoch: number;
  member_id: string | null;
  committed: number | null;
  metadata: string;
  used_ms: number;
  txn: string | null;
}

export class GroupOffsetsStore {
  readonly #sql: Sql;
  #isMade: boolean;
  /** Tables that were made before there were transactions in them have no column for it. */
  #hasTransactions: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    const [table] = sql.all<{ sql: string }>("SELECT sql FROM sqlite_master WHERE name = 'group_offsets'");
    this.#isMade = table !== undefined;
    this.#hasTransactions = table === undefined || table.sql.includes('txn');
  }

  get(group: string): GroupOffset | null {
    if (!this.#isMade) return null;
    const [row] = this.#sql.all<Row>('SELECT * FROM group_offsets WHERE group_name = ?', group);
    return row ? offsetOf(row) : null;
  }

  put(group: string, { epoch, memberId, offset, metadata, usedMs, transaction }: GroupOffset): void {
    if (!this.#isMade) {
      this.#sql.run(
        `CREATE TABLE IF NOT EXISTS group_offsets (
           group_name TEXT PRIMARY KEY,
           epoch INTEGER NOT NULL,
           member_id TEXT,
           committed INTEGER,
           metadata TEXT NOT NULL,
           used_ms INTEGER NOT NULL,
           txn TEXT
         ) WITHOUT ROWID`,
      );
      this.#isMade = true;
    }
    if (!this.#hasTransactions) {
      this.#sql.run('ALTER TABLE group_offsets ADD COLUMN txn TEXT');
      this.#hasTransactions = true;
    }
    this.#sql.run(
      'INSERT OR REPLACE INTO group_offsets VALUES (?, ?, ?, ?, ?, ?, ?)',
      group,
      epoch,
      memberId,
      offset,
      metadata,
      usedMs,
      transaction === null ? null : JSON.stringify(transaction),
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

function offsetOf({ epoch, member_id, committed, metadata, used_ms, txn }: Row): GroupOffset {
  const transaction = txn == null ? null : (JSON.parse(txn) as TransactionalOffset);
  const offset = committed === -1 ? null : committed; // a commit may say that there is none
  return { epoch, memberId: member_id, offset, metadata, usedMs: used_ms, transaction };
}
