/**
 * The storage of an object: SQLite with durable points. All that was written since the last one is an open transaction,
 * which a crash rolls back.
 *
 * Writes become durable by a flush, which takes time. Whether its bytes are on disk when it begins or only when it ends is
 * left to chance: a crash in between leaves either what nobody was told of, or nothing.
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

export interface StorageHost {
  /** Asked before each statement: throws if the statement fails. */
  beforeStatement(): void;
  /** Something was written that is not durable. */
  wrote(): void;
  alarmSet(): void;
  /** The alarm could not be set. */
  alarmRefused(): void;
  sync(): Promise<void>;
  soon<Result>(label: string, result: () => Result): Promise<Result>;
}

/** Where what is stored without SQL is. */
const KEY_VALUE = 'CREATE TABLE IF NOT EXISTS key_value (key TEXT PRIMARY KEY, value TEXT NOT NULL)';

interface Prepared {
  statement: StatementSync;
  givesRows: boolean;
  writes: boolean;
}

/** The database of an object, which outlives its instances. */
export class Disk {
  readonly #database = new DatabaseSync(':memory:');
  readonly #statements = new Map<string, Prepared>();
  alarmMs: number | null = null;
  #durableAlarmMs: number | null = null;

  constructor() {
    this.#database.exec('PRAGMA journal_mode = MEMORY');
    this.#database.exec('BEGIN');
  }

  /** What was written so far survives everything from now on. */
  makeDurable(): void {
    this.#run('COMMIT');
    this.#run('BEGIN');
    this.#durableAlarmMs = this.alarmMs;
  }

  /** Forgets what is not durable. */
  crash(): void {
    this.#run('ROLLBACK');
    this.#run('BEGIN');
    this.alarmMs = this.#durableAlarmMs;
  }

  close(): void {
    this.#database.close();
  }

  execute(
    text: string,
    values: readonly SQLInputValue[],
  ): { rows: Record<string, unknown>[]; written: number; writes: boolean } {
    const { statement, givesRows, writes } = this.#prepared(text);
    if (givesRows) return { rows: statement.all(...values), written: 0, writes };
    return { rows: [], written: Number(statement.run(...values).changes), writes };
  }

  transaction<Result>(action: () => Result, beforeEnd: () => void): Result {
    this.#run('SAVEPOINT step');
    try {
      const result = action();
      beforeEnd();
      this.#run('RELEASE step');
      return result;
    } catch (error) {
      this.#run('ROLLBACK TO step');
      this.#run('RELEASE step');
      throw error;
    }
  }

  deleteAll(): void {
    const { rows } = this.execute(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
      [],
    );
    for (const { name } of rows) this.#database.exec(`DROP TABLE "${name as string}"`);
  }

  #run(text: string): void {
    this.#prepared(text).statement.run();
  }

  #prepared(text: string): Prepared {
    let known = this.#statements.get(text);
    if (!known) {
      const statement = this.#database.prepare(text);
      const givesRows = statement.columns().length > 0;
      known = { statement, givesRows, writes: !/^\s*(SELECT|PRAGMA|WITH)\b/i.test(text) };
      // Statements on a table that is made later are prepared anew by SQLite itself.
      this.#statements.set(text, known);
    }
    return known;
  }
}

class Cursor implements Iterable<Record<string, unknown>> {
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly #rows: Record<string, unknown>[];

  constructor(rows: Record<string, unknown>[], rowsWritten: number) {
    this.#rows = rows;
    this.rowsRead = rows.length;
    this.rowsWritten = rowsWritten;
  }

  [Symbol.iterator](): Iterator<Record<string, unknown>> {
    return this.#rows.values();
  }

  toArray(): Record<string, unknown>[] {
    return this.#rows;
  }

  one(): Record<string, unknown> {
    if (this.#rows.length !== 1) throw new Error(`expected one row, not ${this.#rows.length}`);
    return this.#rows[0]!;
  }
}

/** `ctx.storage` of one instance of an object. */
export class SimStorage {
  readonly #disk: Disk;
  readonly #host: StorageHost;
  readonly sql: { exec: (text: string, ...values: SQLInputValue[]) => Cursor; readonly databaseSize: number };

  constructor(disk: Disk, host: StorageHost) {
    this.#disk = disk;
    this.#host = host;
    this.sql = {
      exec: (text, ...values) => this.#exec(text, values),
      get databaseSize() {
        const [pages] = disk.execute('PRAGMA page_count', []).rows;
        return Number(pages!['page_count']) * 4_096;
      },
    };
  }

  transactionSync<Result>(action: () => Result): Result {
    return this.#disk.transaction(action, () => this.#host.beforeStatement());
  }

  sync(): Promise<void> {
    return this.#host.sync();
  }

  async get(key: string): Promise<unknown> {
    this.#host.beforeStatement();
    return await this.#host.soon('get', () => {
      this.#disk.execute(KEY_VALUE, []);
      const [row] = this.#disk.execute('SELECT value FROM key_value WHERE key = ?', [key]).rows;
      return row && (JSON.parse(row['value'] as string) as unknown);
    });
  }

  /** All entries or none. */
  async put(entries: Record<string, unknown>): Promise<void> {
    this.#host.beforeStatement();
    this.#disk.execute(KEY_VALUE, []);
    for (const [key, value] of Object.entries(entries))
      this.#disk.execute('INSERT OR REPLACE INTO key_value VALUES (?, ?)', [key, JSON.stringify(value)]);
    this.#host.wrote();
  }

  getAlarm(): Promise<number | null> {
    return this.#host.soon('get alarm', () => this.#disk.alarmMs);
  }

  async setAlarm(time: number | Date): Promise<void> {
    try {
      this.#host.beforeStatement();
    } catch (error) {
      this.#host.alarmRefused();
      throw error;
    }
    this.#disk.alarmMs = Number(time);
    this.#host.wrote();
    this.#host.alarmSet();
  }

  async deleteAlarm(): Promise<void> {
    this.#host.beforeStatement();
    this.#disk.alarmMs = null;
    this.#host.wrote();
  }

  async deleteAll(): Promise<void> {
    this.#host.beforeStatement();
    this.#disk.deleteAll();
    this.#host.wrote();
    await this.#host.soon('delete all', () => {});
  }

  #exec(text: string, values: SQLInputValue[]): Cursor {
    this.#host.beforeStatement();
    const { rows, written, writes } = this.#disk.execute(text, values);
    if (writes) this.#host.wrote();
    return new Cursor(rows, written);
  }
}
