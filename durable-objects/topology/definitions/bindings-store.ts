/**
 * Bindings store: the bindings of a namespace.
 *
 *   bindings   one row a binding, never changed; its key is the exchange it starts from and its id
 *   by end     the index for bindings to a destination, when that goes or is asked about
 *
 * Two rows written a binding; nothing but the count of them is in memory.
 */

import { destinationKey, type Binding, type Destination } from '../../../core/exchange/binding.ts';
import type { Sql } from '../../storage/sql.ts';

const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS bindings (
     source TEXT NOT NULL, id TEXT NOT NULL, destination TEXT NOT NULL, json TEXT NOT NULL,
     PRIMARY KEY (source, id)
   ) WITHOUT ROWID`,
  'CREATE INDEX IF NOT EXISTS bindings_by_end ON bindings (destination, id)',
];

export interface BindingPage {
  /** A JSON array. */
  bindingsJson: string;
  /** There are more after this id. */
  next: string | null;
}

type Row = { json: string };

export class BindingsStore {
  readonly #sql: Sql;
  #count: number | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const statement of SCHEMA) sql.run(statement);
  }

  /** Read once per wake and kept: a count is a scan. */
  get count(): number {
    this.#count ??= this.#sql.all<{ n: number }>('SELECT COUNT(*) AS n FROM bindings')[0]!.n;
    return this.#count;
  }

  has(source: string, id: string): boolean {
    return this.#sql.all('SELECT 1 FROM bindings WHERE source = ? AND id = ?', source, id).length > 0;
  }

  put(binding: Binding): void {
    this.#sql.run(
      'INSERT INTO bindings VALUES (?, ?, ?, ?)',
      binding.source,
      binding.id,
      destinationKey(binding.destination),
      JSON.stringify(binding),
    );
    if (this.#count !== null) this.#count++;
  }

  remove(source: string, id: string): void {
    this.#sql.run('DELETE FROM bindings WHERE source = ? AND id = ?', source, id);
    if (this.#count !== null) this.#count--;
  }

  removeFrom(source: string): void {
    this.#sql.run('DELETE FROM bindings WHERE source = ?', source);
    this.forgetCount();
  }

  /** @returns the exchanges that lost bindings */
  removeTo(destination: Destination): string[] {
    const key = destinationKey(destination);
    const sources = this.#sql
      .all<{ source: string }>('SELECT DISTINCT source FROM bindings WHERE destination = ?', key)
      .map(({ source }) => source);
    this.#sql.run('DELETE FROM bindings WHERE destination = ?', key);
    this.forgetCount();
    return sources;
  }

  hasFrom(source: string): boolean {
    return this.#sql.all('SELECT 1 FROM bindings WHERE source = ? LIMIT 1', source).length > 0;
  }

  from(source: string, after: string, limit: number, bytesMax: number): BindingPage {
    const rows = this.#sql.each<Row>(
      'SELECT json FROM bindings WHERE source = ? AND id > ? ORDER BY id LIMIT ?',
      source,
      after,
      limit + 1,
    );
    return pageOf(rows, limit, bytesMax);
  }

  to(destination: Destination, after: string, limit: number, bytesMax: number): BindingPage {
    const rows = this.#sql.each<Row>(
      'SELECT json FROM bindings WHERE destination = ? AND id > ? ORDER BY id LIMIT ?',
      destinationKey(destination),
      after,
      limit + 1,
    );
    return pageOf(rows, limit, bytesMax);
  }

  /** Bindings of all exchanges as JSON texts, in the order of their keys, for a router that starts anew. */
  texts(after: { source: string; id: string } | null, limit: number): Iterable<Row> {
    return this.#sql.each<Row>(
      'SELECT json FROM bindings WHERE (source, id) > (?, ?) ORDER BY source, id LIMIT ?',
      after?.source ?? '',
      after?.id ?? '',
      limit,
    );
  }

  /** After a change of unknown size, or one that was undone. */
  forgetCount(): void {
    this.#count = null;
  }
}

/** At most `limit` bindings, and one that passes `bytesMax`. */
function pageOf(rows: Iterable<Row>, limit: number, bytesMax: number): BindingPage {
  const texts: string[] = [];
  let bytes = 0;
  let next: string | null = null;
  for (const { json } of rows) {
    if (texts.length === limit || bytes > bytesMax) {
      next = (JSON.parse(texts.at(-1)!) as Binding).id;
      break;
    }
    texts.push(json);
    bytes += json.length;
  }
  return { bindingsJson: `[${texts.join(',')}]`, next };
}
