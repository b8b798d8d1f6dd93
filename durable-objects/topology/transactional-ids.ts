/**
 * Transactional ids of a namespace that may have an open transaction, for the watchdog.
 *
 *   transactional_ids   name, and the number of its time on the list (core/transaction/listing.ts). Absent: nothing has been
 *                       open for an hour. The table is made with the first row
 */

import type { Sql } from '../storage/sql.ts';

export class TransactionalIds {
  readonly #sql: Sql;
  #isMade: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#isMade = sql.all("SELECT name FROM sqlite_master WHERE name = 'transactional_ids'").length > 0;
  }

  put(name: string, number: number): void {
    if (!this.#isMade) {
      this.#sql.run(
        'CREATE TABLE IF NOT EXISTS transactional_ids (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID',
      );
      this.#isMade = true;
    }
    const [known] = this.#sql.all<{ number: number }>(
      'SELECT number FROM transactional_ids WHERE name = ?',
      name,
    );
    if (known && known.number >= number) return;
    this.#sql.run('INSERT OR REPLACE INTO transactional_ids VALUES (?, ?)', name, number);
  }

  /** Not if it was put there again since. */
  remove(name: string, number: number): void {
    if (!this.#isMade) return;
    this.#sql.run('DELETE FROM transactional_ids WHERE name = ? AND number <= ?', name, number);
  }

  /** The first after a name. */
  after(name: string, limit: number): string[] {
    if (!this.#isMade) return [];
    return this.#sql
      .all<{ name: string }>(
        'SELECT name FROM transactional_ids WHERE name > ? ORDER BY name LIMIT ?',
        name,
        limit,
      )
      .map((row) => row.name);
  }

  count(): number {
    if (!this.#isMade) return 0;
    return this.#sql.all<{ n: number }>('SELECT COUNT(*) AS n FROM transactional_ids')[0]!.n;
  }
}
