/**
 * Stored-bytes ledger: what the objects of a namespace store, as they reported it last. It is kept while there is a quota.
 *
 *   stored_bytes   a row per object that stores something: its bytes, by its key (core/cost/stored-bytes.ts)
 *   stored_survey  one row while objects are asked because a quota was set: the key of the last that has answered
 *
 * The tables are made when a quota is set, and dropped with it.
 */

import { storingKey, storingPrefix, type StoringObject } from '../../../core/cost/stored-bytes.ts';
import { hasTable, type Sql } from '../../storage/sql.ts';

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS stored_bytes (object TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS stored_survey (id INTEGER PRIMARY KEY CHECK (id = 1), after TEXT NOT NULL)',
];

export class StoredBytesLedger {
  readonly #sql: Sql;
  #isKept: boolean;
  /** Null: it is to be counted. */
  #total: number | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#isKept = hasTable(sql, 'stored_bytes');
  }

  /** Null: nothing is counted. */
  get total(): number | null {
    if (!this.#isKept) return null;
    const sum = 'SELECT COALESCE(SUM(bytes), 0) AS bytes FROM stored_bytes';
    this.#total ??= this.#sql.all<{ bytes: number }>(sum)[0]!.bytes;
    return this.#total;
  }

  /** Begins to count, if it is not under way: the survey has to ask the objects that exist. */
  begin(): void {
    if (this.#isKept) return;
    this.#sql.transaction(() => {
      for (const statement of SCHEMA) this.#sql.run(statement);
      this.#sql.run("INSERT OR REPLACE INTO stored_survey VALUES (1, '')");
    });
    this.#isKept = true;
  }

  end(): void {
    if (!this.#isKept) return;
    this.#sql.transaction(() => {
      this.#sql.run('DROP TABLE stored_bytes');
      this.#sql.run('DROP TABLE stored_survey');
    });
    this.#isKept = false;
    this.#total = null;
  }

  bytesOf(object: StoringObject): number {
    if (!this.#isKept) return 0;
    const sql = 'SELECT bytes FROM stored_bytes WHERE object = ?';
    return this.#sql.all<{ bytes: number }>(sql, storingKey(object))[0]?.bytes ?? 0;
  }

  /** A row, unless it is as before. */
  put(object: StoringObject, bytes: number): void {
    if (!this.#isKept) return;
    const key = storingKey(object);
    const before = this.bytesOf(object);
    if (before === bytes) return;
    const total = this.total!;
    if (bytes === 0) this.#sql.run('DELETE FROM stored_bytes WHERE object = ?', key);
    else this.#sql.run('INSERT OR REPLACE INTO stored_bytes VALUES (?, ?)', key, bytes);
    this.#total = total - before + bytes;
  }

  /** Removes a queue, or all partitions of a topic, as part of the commit that deletes it. */
  remove(kind: 'queue' | 'partition', name: string): void {
    if (!this.#isKept) return;
    const prefix = storingPrefix(kind, name);
    const [from, to] = [`${prefix} `, `${prefix}!`]; // `!` follows the space
    this.#sql.run('DELETE FROM stored_bytes WHERE object >= ? AND object < ?', from, to);
    this.#total = null;
  }

  /** After a commit was undone. */
  recount(): void {
    this.#total = null;
  }

  /** Keys of the next objects that store something. */
  keysAfter(key: string, limit: number): string[] {
    if (!this.#isKept) return [];
    return this.#sql
      .all<{
        object: string;
      }>('SELECT object FROM stored_bytes WHERE object > ? ORDER BY object LIMIT ?', key, limit)
      .map(({ object }) => object);
  }

  /** Where the survey is; null: none is under way. */
  surveyAfter(): string | null {
    if (!this.#isKept) return null;
    return this.#sql.all<{ after: string }>('SELECT after FROM stored_survey')[0]?.after ?? null;
  }

  noteSurvey(after: string | null): void {
    if (!this.#isKept) return;
    if (after === null) this.#sql.run('DELETE FROM stored_survey');
    else this.#sql.run('INSERT OR REPLACE INTO stored_survey VALUES (1, ?)', after);
  }
}
