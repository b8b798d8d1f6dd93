/**
 * Definitions store: a table of definitions by name, one row each, replaced on a change. Each kind of definition has
 * its table.
 *
 *   <table>   name, and the definition as JSON
 */

import { PAGE_BYTES_MAX } from '../../../protocol/limits.ts';
import type { Sql } from '../../storage/sql.ts';

export type DefinitionTable =
  | 'topics'
  | 'queues'
  | 'exchanges'
  | 'policies'
  | 'alerts'
  | 'schedules'
  | 'subscriptions'
  | 'hooks'
  | 'groups'
  | 'share_groups';

export class DefinitionsStore<Definition extends { readonly name: string }> {
  readonly #sql: Sql;
  readonly #table: string;
  readonly #complete: (stored: Definition) => Definition;

  /**
   * @param table from the code, never from a request: it becomes part of statements
   * @param complete adds fields that a definition did not have when it was stored
   */
  constructor(sql: Sql, table: DefinitionTable, complete = (stored: Definition): Definition => stored) {
    this.#sql = sql;
    this.#table = table;
    this.#complete = complete;
    sql.run(`CREATE TABLE IF NOT EXISTS ${table} (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID`);
  }

  get(name: string): Definition | null {
    const [row] = this.#sql.all<{ json: string }>(`SELECT json FROM ${this.#table} WHERE name = ?`, name);
    return row ? this.#parse(row.json) : null;
  }

  has(name: string): boolean {
    return this.#sql.all(`SELECT 1 FROM ${this.#table} WHERE name = ?`, name).length > 0;
  }

  /** By name: for kinds of which a namespace has few. */
  all(): Definition[] {
    return this.#sql
      .all<{ json: string }>(`SELECT json FROM ${this.#table} ORDER BY name`)
      .map(({ json }) => this.#parse(json));
  }

  /** The first definitions by name, read one by one. */
  *each(limit: number): Generator<Definition> {
    const rows = this.#sql.each<{ json: string }>(
      `SELECT json FROM ${this.#table} ORDER BY name LIMIT ?`,
      limit,
    );
    for (const { json } of rows) yield this.#parse(json);
  }

  /** The first names after one, sorted, without reading the definitions. */
  namesAfter(after: string, limit: number): string[] {
    return this.#sql
      .all<{ name: string }>(
        `SELECT name FROM ${this.#table} WHERE name > ? ORDER BY name LIMIT ?`,
        after,
        limit,
      )
      .map(({ name }) => name);
  }

  /** The first definitions after a name, as many as fit. `next` is the name to go on after; null: there are no more. */
  page(
    after: string,
    limit: number,
    bytesMax = PAGE_BYTES_MAX,
  ): { items: Definition[]; next: string | null } {
    const items: Definition[] = [];
    let length = 0;
    for (const row of this.#sql.each<{ json: string }>(
      `SELECT json FROM ${this.#table} WHERE name > ? ORDER BY name LIMIT ?`,
      after,
      limit + 1,
    )) {
      if (items.length === limit || length > bytesMax) {
        return { items, next: items.at(-1)?.name ?? after };
      }
      length += row.json.length;
      items.push(this.#parse(row.json));
    }
    return { items, next: null };
  }

  count(): number {
    return this.#sql.all<{ n: number }>(`SELECT COUNT(*) AS n FROM ${this.#table}`)[0]!.n;
  }

  put(definition: Definition): void {
    this.#sql.run(
      `INSERT OR REPLACE INTO ${this.#table} VALUES (?, ?)`,
      definition.name,
      JSON.stringify(definition),
    );
  }

  remove(name: string): void {
    this.#sql.run(`DELETE FROM ${this.#table} WHERE name = ?`, name);
  }

  #parse(json: string): Definition {
    return this.#complete(JSON.parse(json) as Definition);
  }
}
