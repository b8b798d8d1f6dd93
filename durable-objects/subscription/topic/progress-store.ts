/**
 * Progress store: how far a subscription has come in the partitions of its topic, and dead letters on their way. The tables are
 * created when a topic becomes the source.
 *
 *   source         one row: the id of the topic, and how many partitions it had when the subscription first saw it. Another id
 *                  is another topic, and the subscription begins anew
 *   progress       a row per partition (core/subscription/partition-progress.ts as JSON), replaced when records are settled or
 *                  fail, for all that happens within some milliseconds. Absent: the subscription begins at the start
 *   dead_letters   records on their way to a queue, some hundred to a row, numbered by row; numbers are never used twice.
 *                  Removed when the queue has them
 */

import type { StoredProgress } from '../../../core/subscription/partition-progress.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import { packRows } from '../../storage/record-rows.ts';
import { hasTable, type Sql } from '../../storage/sql.ts';

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS source (id INTEGER PRIMARY KEY CHECK (id = 1), topic_id INTEGER NOT NULL, partitions INTEGER NOT NULL)',
  'CREATE TABLE IF NOT EXISTS progress (partition INTEGER PRIMARY KEY, json TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS dead_letters (number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, count INTEGER NOT NULL, data BLOB NOT NULL)',
];

export interface LettersRow {
  number: number;
  queue: string;
  data: Uint8Array;
}

export class ProgressStore {
  readonly #sql: Sql;
  #isMade: boolean;
  /** Undefined: not read yet. */
  #topicId: number | null | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#isMade = hasTable(sql, 'progress');
  }

  /** The id of the topic that the progress is of; null: there is none yet. */
  topicId(): number | null {
    if (this.#topicId === undefined) {
      const [row] = this.#isMade ? this.#sql.all<{ topic_id: number }>('SELECT topic_id FROM source') : [];
      this.#topicId = row?.topic_id ?? null;
    }
    return this.#topicId;
  }

  get(partition: number): StoredProgress | null {
    const [row] = this.#sql.all<{ json: string }>('SELECT json FROM progress WHERE partition = ?', partition);
    return row ? (JSON.parse(row.json) as StoredProgress) : null;
  }

  /** Begins with a topic, at these positions. The progress in another one is forgotten; dead letters stay. */
  begin(topicId: number, partitions: number, positions: ReadonlyMap<number, number>): void {
    this.#create();
    this.#topicId = undefined;
    this.#sql.transaction(() => {
      this.#sql.run('DELETE FROM progress');
      this.#sql.run('INSERT OR REPLACE INTO source VALUES (1, ?, ?)', topicId, partitions);
      for (const [partition, position] of positions) this.#put(partition, { position });
    });
  }

  /** @param letters records that failed for good, by their queue */
  write(
    progress: ReadonlyMap<number, StoredProgress>,
    letters: ReadonlyMap<string, readonly { record: LogRecord }[]> = new Map(),
  ): void {
    this.#sql.transaction(() => {
      for (const [partition, one] of progress) this.#put(partition, one);
      for (const [queue, records] of letters)
        for (const { count, data } of packRows(records.map(({ record }) => record)))
          this.#addLetters(queue, count, data);
    });
  }

  /** The first row of dead letters. @param except queues whose rows are passed over */
  nextLetters(except: Iterable<string> = []): LettersRow | null {
    if (!this.#isMade) return null;
    const [row] = this.#sql.all<{ number: number; queue: string; data: Uint8Array }>(
      `SELECT number, queue, data FROM dead_letters
       WHERE queue NOT IN (SELECT value FROM json_each(?)) ORDER BY number LIMIT 1`,
      JSON.stringify([...except]),
    );
    return row ?? null;
  }

  removeLetters(number: number): void {
    this.#sql.run('DELETE FROM dead_letters WHERE number = ?', number);
  }

  countLetters(): number {
    if (!this.#isMade) return 0;
    const [row] = this.#sql.all<{ count: number | null }>('SELECT sum(count) AS count FROM dead_letters');
    return row?.count ?? 0;
  }

  #put(partition: number, progress: StoredProgress): void {
    this.#sql.run('INSERT OR REPLACE INTO progress VALUES (?, ?)', partition, JSON.stringify(progress));
  }

  #addLetters(queue: string, count: number, data: Uint8Array): void {
    this.#sql.run('INSERT INTO dead_letters (queue, count, data) VALUES (?, ?, ?)', queue, count, data);
  }

  #create(): void {
    if (this.#isMade) return;
    this.#sql.transaction(() => {
      for (const statement of SCHEMA) this.#sql.run(statement);
    });
    this.#isMade = true;
  }
}
