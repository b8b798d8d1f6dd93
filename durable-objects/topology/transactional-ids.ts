/**
 * Transactional ids of a namespace: those that may have an open transaction, for the watchdog, and all that were ever used, for
 * the deletion of the namespace.
 *
 *   transactional_ids   name, and the number of its time on the list (core/transaction/listing.ts). Absent: nothing has been
 *                       open for an hour. The table is made with the first row
 *   coordinators        name of each id that has a coordinator with stored state: a row in its life. Absent: there is none, or
 *                       it was used last by a version that did not keep this. The table is made with the first row
 */

import { hasTable, type Sql } from '../storage/sql.ts';

export class TransactionalIds {
  readonly #sql: Sql;
  #isMade: boolean;
  #hasCoordinators: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#isMade = hasTable(sql, 'transactional_ids');
    this.#hasCoordinators = hasTable(sql, 'coordinators');
  }

  /** Called before a coordinator stores anything. */
  noteCoordinator(name: string): void {
    if (!this.#hasCoordinators) {
      this.#sql.run('CREATE TABLE IF NOT EXISTS coordinators (name TEXT PRIMARY KEY) WITHOUT ROWID');
      this.#hasCoordinators = true;
    }
    if (this.#sql.all('SELECT 1 FROM coordinators WHERE name = ?', name).length > 0) return;
    this.#sql.run('INSERT INTO coordinators VALUES (?)', name);
  }

  /** The first after a name. */
  coordinators(limit: number, after = ''): string[] {
    if (!this.#hasCoordinators) return [];
    return this.#sql
      .all<{ name: string }>(
        'SELECT name FROM coordinators WHERE name > ? ORDER BY name LIMIT ?',
        after,
        limit,
      )
      .map(({ name }) => name);
  }

  forgetCoordinator(name: string): void {
    this.#sql.run('DELETE FROM coordinators WHERE name = ?', name);
    if (this.#isMade) this.#sql.run('DELETE FROM transactional_ids WHERE name = ?', name);
  }

  coordinatorCount(): number {
    if (!this.#hasCoordinators) return 0;
    return this.#sql.all<{ n: number }>('SELECT COUNT(*) AS n FROM coordinators')[0]!.n;
  }

  put(name: string, number: number): void {
    this.noteCoordinator(name); // one from before there was a list of them
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
