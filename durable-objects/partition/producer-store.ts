/**
 * What a partition keeps of its producers beside the log. Neither table exists until it is needed.
 *
 *   producers   one row: a snapshot of the producers as they were at an offset. Written with the first batch of a producer
 *               and then once for each 8 MiB appended, and before clean-up touches what lies after it; what came later is
 *               read from the headers of the log. Absent: the log holds nothing of any producer that counts.
 *   aborted     a row for each transaction that was aborted here, keyed by the offset of its marker. Never changed;
 *               removed when the log begins after it.
 */

import type { AbortedTransaction } from '../../core/log/aborted.ts';
import type { Producer } from '../../core/log/producer-state.ts';
import type { Sql } from '../storage/sql.ts';

export interface ProducerSnapshot {
  /** The offset and position in the log up to which it holds. */
  offset: number;
  position: number;
  producers: Producer[];
}

const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS producers (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     "offset" INTEGER NOT NULL,
     position INTEGER NOT NULL,
     json TEXT NOT NULL
   )`,
  `CREATE TABLE IF NOT EXISTS aborted (
     last_offset INTEGER PRIMARY KEY,
     first_offset INTEGER NOT NULL,
     producer_id INTEGER NOT NULL,
     stable_offset INTEGER NOT NULL
   )`,
];

export class ProducerStore {
  readonly #sql: Sql;
  #exists: boolean;
  #hasAborted: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#exists = sql.all("SELECT name FROM sqlite_master WHERE name = 'producers'").length > 0;
    this.#hasAborted = this.#exists && sql.all('SELECT last_offset FROM aborted LIMIT 1').length > 0;
  }

  /** True where there is an aborted transaction in the log. An upper bound after a write that failed. */
  get hasAborted(): boolean {
    return this.#hasAborted;
  }

  /** Makes the tables where they are not there: before a transaction that writes to them, which may be undone. */
  create(): void {
    if (this.#exists) return;
    this.#sql.transaction(() => {
      for (const statement of SCHEMA) this.#sql.run(statement);
    });
    this.#exists = true;
  }

  read(): ProducerSnapshot | null {
    if (!this.#exists) return null;
    const [row] = this.#sql.all<{ offset: number; position: number; json: string }>(
      'SELECT "offset", position, json FROM producers',
    );
    return (
      (row && {
        offset: row.offset,
        position: row.position,
        producers: JSON.parse(row.json) as Producer[],
      }) ??
      null
    );
  }

  write({ offset, position, producers }: ProducerSnapshot): void {
    this.#sql.run(
      'INSERT OR REPLACE INTO producers VALUES (1, ?, ?, ?)',
      offset,
      position,
      JSON.stringify(producers),
    );
  }

  remove(): void {
    this.#sql.run('DELETE FROM producers');
  }

  addAborted({ lastOffset, firstOffset, producerId, stableOffset }: AbortedTransaction): void {
    this.#hasAborted = true;
    this.#sql.run(
      'INSERT INTO aborted VALUES (?, ?, ?, ?)',
      lastOffset,
      firstOffset,
      producerId,
      stableOffset,
    );
  }

  /** Those with records in `[from, to)`. */
  abortedIn(from: number, to: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = [];
    if (!this.#hasAborted) return found;
    const rows = this.#sql.each<{
      last_offset: number;
      first_offset: number;
      producer_id: number;
      stable_offset: number;
    }>('SELECT * FROM aborted WHERE last_offset >= ? ORDER BY last_offset', from);
    for (const row of rows) {
      if (row.first_offset < to) {
        found.push({
          producerId: row.producer_id,
          firstOffset: row.first_offset,
          lastOffset: row.last_offset,
          stableOffset: row.stable_offset,
        });
      }
      if (row.stable_offset >= to) break; // whatever ended later began at or after it
    }
    return found;
  }

  /** Forgets those that lie before the start of the log. */
  removeAbortedBefore(offset: number): void {
    if (!this.#hasAborted) return;
    this.#sql.run('DELETE FROM aborted WHERE last_offset < ?', offset);
    this.#hasAborted = this.#sql.all('SELECT last_offset FROM aborted LIMIT 1').length > 0;
  }
}
