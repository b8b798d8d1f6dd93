/** Every statement on the table `outbox` (queue-schema.ts). */

import type { Sql, SqlRow } from '../../storage/sql.ts';

export interface OutboxRow extends SqlRow {
  number: number;
  count: number;
  target: string;
  done: string;
  data: Uint8Array;
}

export class OutboxStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  insert(number: number, count: number, target: string, data: Uint8Array): void {
    this.#sql.run("INSERT INTO outbox VALUES (?, ?, ?, '', ?)", number, count, target, data);
  }

  next(): OutboxRow | null {
    return this.#sql.all<OutboxRow>('SELECT * FROM outbox ORDER BY number LIMIT 1')[0] ?? null;
  }

  /** Messages in all rows, and the number after the last: rows of some hundred messages, which leave as fast as they come. */
  size(): { count: number; nextNumber: number } {
    const [row] = this.#sql.all<{ count: number | null; next: number | null }>(
      'SELECT sum(count) AS count, max(number + count) AS next FROM outbox',
    );
    return { count: row?.count ?? 0, nextNumber: row?.next ?? 0 };
  }

  writeDone(number: number, done: string): void {
    this.#sql.run('UPDATE outbox SET done = ? WHERE number = ?', done, number);
  }

  delete(number: number): void {
    this.#sql.run('DELETE FROM outbox WHERE number = ?', number);
  }
}
