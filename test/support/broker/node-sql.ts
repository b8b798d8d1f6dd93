/** `Sql` over `node:sqlite`, so that stores are tested in milliseconds. Rows read are not counted: this engine cannot say. */

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  assertSynchronous,
  type RowMeter,
  type Sql,
  type SqlRow,
  type SqlValue,
} from '../../../durable-objects/storage/sql.ts';

export class NodeSql implements Sql {
  readonly meter: RowMeter = { rowsWritten: 0, rowsRead: 0 };
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Fails the statement that brings it to zero: for breaking an operation at every step. */
  failAfter = Infinity;

  constructor(path = ':memory:') {
    this.#database = new DatabaseSync(path);
  }

  run(statement: string, ...values: SqlValue[]): void {
    this.#step();
    this.meter.rowsWritten += Number(this.#prepared(statement).run(...values).changes);
  }

  all<Row extends SqlRow>(statement: string, ...values: SqlValue[]): Row[] {
    this.#step();
    return this.#prepared(statement).all(...values) as Row[];
  }

  each<Row extends SqlRow>(statement: string, ...values: SqlValue[]): IterableIterator<Row> {
    this.#step();
    return this.#database.prepare(statement).iterate(...values) as IterableIterator<Row>;
  }

  transaction<Result>(action: () => Result): Result {
    this.#database.exec('BEGIN');
    try {
      const result = action();
      assertSynchronous(result);
      this.#step();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #prepared(statement: string): StatementSync {
    let prepared = this.#statements.get(statement);
    if (!prepared) this.#statements.set(statement, (prepared = this.#database.prepare(statement)));
    return prepared;
  }

  #step(): void {
    this.failAfter -= 1;
    if (this.failAfter <= 0) throw new Error('storage failed, as the test asked for');
  }
}
