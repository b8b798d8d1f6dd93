/**
 * SQL interface of the stores: synchronous, one connection, with a count of rows. Two engines stand behind it, the
 * SQLite of a Durable Object (durable-sql.ts) and, in tests, `node:sqlite`.
 */

export type SqlValue = null | number | string | Uint8Array;

/** Blobs come back as Uint8Array from both engines. */
export type SqlRow = Record<string, SqlValue>;

export interface Sql {
  /** Runs a statement that returns no rows. */
  run(statement: string, ...values: SqlValue[]): void;
  /** All rows at once. */
  all<Row extends SqlRow>(statement: string, ...values: SqlValue[]): Row[];
  /** Rows one by one: those not asked for are not read, and a blob is in memory only while its row is looked at. */
  each<Row extends SqlRow>(statement: string, ...values: SqlValue[]): IterableIterator<Row>;
  /** All or nothing: an exception undoes everything. The action is synchronous; one that returns a promise throws. */
  transaction<Result>(action: () => Result): Result;
  readonly meter: RowMeter;
}

/** Rows that statements have touched, as the platform bills them. */
export interface RowMeter {
  rowsWritten: number;
  rowsRead: number;
}

export function assertSynchronous(result: unknown): void {
  if (result instanceof Promise) throw new TypeError('a transaction must not be asynchronous');
}

export function tableNames(sql: Sql): Set<string> {
  return new Set(
    sql.all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").map(({ name }) => name),
  );
}

/** Whether a table was made: many are made with their first row, so that objects without it write none. */
export function hasTable(sql: Sql, name: string): boolean {
  return sql.all("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name).length > 0;
}
