/**
 * Storage probe: one row that is written when somebody asks whether the broker can write, at most once a second.
 *
 *   probe   one row, absent before the first question: when it was written
 */

import type { Sql } from './sql.ts';

/** The shortest time between two writes, in ms, because rows written cost money. */
const INTERVAL_MS = 1_000;

export class StorageProbe {
  readonly #sql: Sql;
  #writtenMs = 0;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** @returns when the row was written last. @throws what the storage throws */
  write(nowMs: number): number {
    if (nowMs < this.#writtenMs + INTERVAL_MS && nowMs >= this.#writtenMs) return this.#writtenMs;
    this.#sql.run(
      'CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY CHECK (id = 1), written INTEGER NOT NULL)',
    );
    this.#sql.run('INSERT OR REPLACE INTO probe VALUES (1, ?)', nowMs);
    this.#writtenMs = nowMs;
    return nowMs;
  }
}
