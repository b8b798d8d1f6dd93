/**
 * Share store: the tables of share groups in a partition. They are created with the first row, because most partitions
 * never need them.
 *
 *   share_groups         a row per share group that has acquired records here: its window over the log as JSON
 *                        (core/share/share-window.ts), with the id and version of the definition it was used with last.
 *                        Absent: the group begins here with its next call
 *   share_dead_letters   records on their way to a queue or topic, some hundred to a row, numbered by row; numbers are never
 *                        used twice. Removed when they have been taken
 */

import type { StoredWindow } from '../../../core/share/share-window.ts';
import type { ShareDeadLetter } from '../../../protocol/schemas/share-groups.ts';
import { hasTable, type Sql, type SqlRow } from '../../storage/sql.ts';

const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS share_groups (
     group_name TEXT PRIMARY KEY,
     id INTEGER NOT NULL,
     version INTEGER NOT NULL,
     json TEXT NOT NULL
   ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS share_dead_letters (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     group_name TEXT NOT NULL,
     group_id INTEGER NOT NULL,
     target TEXT NOT NULL,
     count INTEGER NOT NULL,
     data BLOB NOT NULL
   )`,
];

export interface StoredShareGroup {
  id: number;
  version: number;
  window: StoredWindow;
}

export interface DeadLetterRow {
  number: number;
  group: string;
  groupId: number;
  target: Exclude<ShareDeadLetter, 'none'>;
  count: number;
  /** One batch. */
  data: Uint8Array;
}

interface Row extends SqlRow {
  number: number;
  group_name: string;
  group_id: number;
  target: string;
  count: number;
  data: Uint8Array;
}

export class ShareStore {
  readonly #sql: Sql;
  #isMade: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#isMade = hasTable(sql, 'share_dead_letters');
  }

  /** Creates the tables if necessary, before a transaction that writes to them and may be rolled back. */
  create(): void {
    if (this.#isMade) return;
    this.#sql.transaction(() => {
      for (const statement of SCHEMA) this.#sql.run(statement);
    });
    this.#isMade = true;
  }

  get(group: string): StoredShareGroup | null {
    if (!this.#isMade) return null;
    const [row] = this.#sql.all<{ id: number; version: number; json: string }>(
      'SELECT id, version, json FROM share_groups WHERE group_name = ?',
      group,
    );
    return row ? { id: row.id, version: row.version, window: JSON.parse(row.json) as StoredWindow } : null;
  }

  /** The first names of groups. */
  names(limit: number): string[] {
    if (!this.#isMade) return [];
    return this.#sql
      .all<{ group_name: string }>('SELECT group_name FROM share_groups ORDER BY group_name LIMIT ?', limit)
      .map(({ group_name: name }) => name);
  }

  put(group: string, { id, version, window }: StoredShareGroup): void {
    const json = JSON.stringify(window);
    this.#sql.run('INSERT OR REPLACE INTO share_groups VALUES (?, ?, ?, ?)', group, id, version, json);
  }

  /** Its dead letters stay. */
  forget(group: string): void {
    this.#sql.run('DELETE FROM share_groups WHERE group_name = ?', group);
  }

  remove(group: string, id: number): void {
    if (!this.#isMade) return;
    this.#sql.transaction(() => {
      this.#sql.run('DELETE FROM share_groups WHERE group_name = ? AND id <= ?', group, id);
      this.#sql.run('DELETE FROM share_dead_letters WHERE group_name = ? AND group_id <= ?', group, id);
    });
  }

  addDeadLetters({ group, groupId, target, count, data }: Omit<DeadLetterRow, 'number'>): void {
    this.#sql.run(
      'INSERT INTO share_dead_letters (group_name, group_id, target, count, data) VALUES (?, ?, ?, ?, ?)',
      group,
      groupId,
      JSON.stringify(target),
      count,
      data,
    );
  }

  /** The first row after a number. */
  nextDeadLetters(after: number): DeadLetterRow | null {
    if (!this.#isMade) return null;
    const [row] = this.#sql.all<Row>(
      'SELECT * FROM share_dead_letters WHERE number > ? ORDER BY number LIMIT 1',
      after,
    );
    if (!row) return null;
    const { number, group_name: group, group_id: groupId, count, data } = row;
    return { number, group, groupId, target: JSON.parse(row.target) as DeadLetterRow['target'], count, data };
  }

  removeDeadLetters(number: number): void {
    this.#sql.run('DELETE FROM share_dead_letters WHERE number = ?', number);
  }

  /** Dead letters of a group that are on their way. */
  countDeadLetters(group: string): number {
    if (!this.#isMade) return 0;
    const [row] = this.#sql.all<{ count: number | null }>(
      'SELECT sum(count) AS count FROM share_dead_letters WHERE group_name = ?',
      group,
    );
    return row?.count ?? 0;
  }
}
