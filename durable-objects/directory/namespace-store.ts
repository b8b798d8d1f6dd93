/**
 * Namespace store: the namespaces of the deployment. `default` is put there when the directory is made.
 *
 *   namespaces   name, and the rest as JSON
 */

import { DEFAULT_NAMESPACE, type Namespace } from '../../core/access/namespace.ts';
import type { Sql } from '../storage/sql.ts';

export class NamespaceStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    if (sql.all("SELECT name FROM sqlite_master WHERE name = 'namespaces'").length > 0) return;
    sql.run('CREATE TABLE namespaces (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID');
    this.put(DEFAULT_NAMESPACE);
  }

  get(name: string): Namespace | null {
    const [row] = this.#sql.all<{ json: string }>('SELECT json FROM namespaces WHERE name = ?', name);
    return row ? (JSON.parse(row.json) as Namespace) : null;
  }

  put(namespace: Namespace): void {
    this.#sql.run(
      'INSERT OR REPLACE INTO namespaces VALUES (?, ?)',
      namespace.name,
      JSON.stringify(namespace),
    );
  }

  remove(name: string): void {
    this.#sql.run('DELETE FROM namespaces WHERE name = ?', name);
  }

  /** The first after a name, by name. */
  after(name: string, limit: number): Namespace[] {
    return this.#sql
      .all<{ json: string }>('SELECT json FROM namespaces WHERE name > ? ORDER BY name LIMIT ?', name, limit)
      .map(({ json }) => JSON.parse(json) as Namespace);
  }
}
