/**
 * Change log of the directory: what routers may have in their caches and is not true any more. New tokens and namespaces
 * are not among it, because a router keeps "there is no such token" for seconds only.
 *
 *   directory_changes   version, and the token or namespace. The newest `KEPT` rows. Absent: nothing has changed yet
 */

import type { DirectoryChange } from '../rpc/directory.ts';
import type { Sql, SqlRow } from '../storage/sql.ts';

/** A router that is further behind forgets everything. */
const KEPT = 1_000;

interface ChangeRow extends SqlRow {
  kind: DirectoryChange['kind'];
  name: string;
}

export class ChangeLog {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    sql.run(
      'CREATE TABLE IF NOT EXISTS directory_changes (version INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL)',
    );
  }

  /** Grows by one with each change; 0 before the first. */
  version(): number {
    const [row] = this.#sql.all<{ version: number | null }>(
      'SELECT MAX(version) AS version FROM directory_changes',
    );
    return row!.version ?? 0;
  }

  note({ kind, name }: DirectoryChange): void {
    const version = this.version() + 1;
    this.#sql.run('INSERT INTO directory_changes VALUES (?, ?, ?)', version, kind, name);
    this.#sql.run('DELETE FROM directory_changes WHERE version <= ?', version - KEPT);
  }

  /** Null: too long ago, or not a version of this directory. */
  since(version: number): DirectoryChange[] | null {
    const newest = this.version();
    if (version > newest || version < newest - KEPT) return null;
    return this.#sql.all<ChangeRow>(
      'SELECT kind, name FROM directory_changes WHERE version > ? ORDER BY version',
      version,
    );
  }
}
