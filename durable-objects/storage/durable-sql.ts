/** `Sql` over the SQLite of a Durable Object. */

import { assertSynchronous, type RowMeter, type Sql, type SqlRow, type SqlValue } from './sql.ts';

export class DurableSql implements Sql {
  readonly meter: RowMeter = { rowsWritten: 0, rowsRead: 0 };
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  run(statement: string, ...values: SqlValue[]): void {
    this.#count(this.#storage.sql.exec(statement, ...values));
  }

  all<Row extends SqlRow>(statement: string, ...values: SqlValue[]): Row[] {
    return [...this.each<Row>(statement, ...values)];
  }

  *each<Row extends SqlRow>(statement: string, ...values: SqlValue[]): IterableIterator<Row> {
    const cursor = this.#storage.sql.exec(statement, ...values);
    try {
      for (const row of cursor) yield withBytes(row) as Row;
    } finally {
      this.#count(cursor);
    }
  }

  transaction<Result>(action: () => Result): Result {
    return this.#storage.transactionSync(() => {
      const result = action();
      assertSynchronous(result);
      return result;
    });
  }

  #count(cursor: SqlStorageCursor<Record<string, SqlStorageValue>>): void {
    this.meter.rowsRead += cursor.rowsRead;
    this.meter.rowsWritten += cursor.rowsWritten;
  }
}

function withBytes(row: Record<string, SqlStorageValue>): SqlRow {
  for (const column in row) {
    const value = row[column];
    if (value instanceof ArrayBuffer) (row as SqlRow)[column] = new Uint8Array(value);
  }
  return row as SqlRow;
}
