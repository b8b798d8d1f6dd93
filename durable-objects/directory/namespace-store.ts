/**
 * Namespace store: the namespaces of the deployment. `default` is put there when the directory is made.
 *
 *   namespaces            name, and the rest as JSON
 *   namespace_deletions   name of one that is being deleted, and the floor for a namespace of that name that is made again,
 *                         as JSON; null: it is not known yet. The table is made with the first row
 */

import { DEFAULT_NAMESPACE, type Namespace } from '../../core/access/namespace.ts';
import type { TopologyFloor } from '../rpc/topology.ts';
import { hasTable, type Sql, type SqlRow } from '../storage/sql.ts';

interface DeletionRow extends SqlRow {
  name: string;
  floor: string | null;
}

export class NamespaceStore {
  readonly #sql: Sql;
  #hasDeletions: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#hasDeletions = hasTable(sql, 'namespace_deletions');
    if (hasTable(sql, 'namespaces')) return;
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

  /** With its deletion. */
  remove(name: string): void {
    this.#sql.run('DELETE FROM namespaces WHERE name = ?', name);
    if (this.#hasDeletions) this.#sql.run('DELETE FROM namespace_deletions WHERE name = ?', name);
  }

  putDeletion(name: string, floor: TopologyFloor | null): void {
    this.#sql.run(
      'CREATE TABLE IF NOT EXISTS namespace_deletions (name TEXT PRIMARY KEY, floor TEXT) WITHOUT ROWID',
    );
    this.#hasDeletions = true;
    const json = floor && JSON.stringify(floor);
    this.#sql.run('INSERT OR REPLACE INTO namespace_deletions VALUES (?, ?)', name, json);
  }

  deletions(): { name: string; floor: TopologyFloor | null }[] {
    if (!this.#hasDeletions) return [];
    return this.#sql
      .all<DeletionRow>('SELECT name, floor FROM namespace_deletions ORDER BY name')
      .map(({ name, floor }) => ({
        name,
        floor: floor === null ? null : (JSON.parse(floor) as TopologyFloor),
      }));
  }

  /** The first after a name, by name. */
  after(name: string, limit: number): Namespace[] {
    return this.#sql
      .all<{ json: string }>('SELECT json FROM namespaces WHERE name > ? ORDER BY name LIMIT ?', name, limit)
      .map(({ json }) => JSON.parse(json) as Namespace);
  }
}
