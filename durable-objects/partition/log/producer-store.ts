/**
 * Producer store: what a partition keeps of its producers beside the log. Neither table exists until it is needed.
 *
 *   producers   one row: a snapshot of the producers as they were at an offset. Written with the first batch of a producer
 *               and then once for each 8 MiB appended, and before clean-up touches what lies after it; what came later is
 *               read from the headers of the log. Absent: the log holds nothing of any producer that counts.
 *   aborted_runs  the transactions that were aborted here before the snapshot, as JSON, up to 500 in a row, keyed by the
 *               offset of the last one's marker. Written with the snapshot; never changed; removed when the log begins after it.
 *               Those after the snapshot are found by their markers
 */

import type { AbortedTransaction } from '../../../core/log/aborted.ts';
import type { KnownProducer } from '../../../core/log/producer-state.ts';
import { hasTable, type Sql } from '../../storage/sql.ts';

export interface ProducerSnapshot {
  /** The offset and position in the log up to which it holds. */
  offset: number;
  position: number;
  producers: KnownProducer[];
}

/** In one row. */
const RUN_MAX = 500;

const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS producers (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     "offset" INTEGER NOT NULL,
     position INTEGER NOT NULL,
     json TEXT NOT NULL
   )`,
  `CREATE TABLE IF NOT EXISTS aborted_runs (
     last_offset INTEGER PRIMARY KEY,
     json TEXT NOT NULL
   )`,
];

export class ProducerStore {
  readonly #sql: Sql;
  #exists: boolean;
  #hasAborted: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#exists = hasTable(sql, 'producers');
    this.#hasAborted = this.#exists && sql.all('SELECT last_offset FROM aborted_runs LIMIT 1').length > 0;
  }

  /** Creates the tables if necessary, before a transaction that writes to them and may be rolled back. */
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
        producers: JSON.parse(row.json) as KnownProducer[],
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

  /** @param aborted in the order in which they ended */
  addAborted(aborted: readonly AbortedTransaction[]): void {
    for (let first = 0; first < aborted.length; first += RUN_MAX) {
      const run = aborted.slice(first, first + RUN_MAX);
      this.#hasAborted = true; // an upper bound, if the write is undone
      this.#sql.run(
        'INSERT INTO aborted_runs VALUES (?, ?)',
        run[run.length - 1]!.lastOffset,
        JSON.stringify(run),
      );
    }
  }

  /** Those with records in `[from, to)`. */
  abortedIn(from: number, to: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = [];
    if (!this.#hasAborted) return found;
    const rows = this.#sql.each<{ json: string }>(
      'SELECT json FROM aborted_runs WHERE last_offset >= ? ORDER BY last_offset',
      from,
    );
    for (const { json } of rows) {
      const run = JSON.parse(json) as AbortedTransaction[];
      found.push(...run.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < to));
      if (run[run.length - 1]!.stableOffset >= to) break; // whatever ended later began at or after it
    }
    return found;
  }

  /** Forgets those that lie before the start of the log. */
  removeAbortedBefore(offset: number): void {
    if (!this.#hasAborted) return;
    this.#sql.run('DELETE FROM aborted_runs WHERE last_offset < ?', offset);
    this.#hasAborted = this.#sql.all('SELECT last_offset FROM aborted_runs LIMIT 1').length > 0;
  }
}
