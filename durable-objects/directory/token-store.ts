/**
 * Token store: the tokens of the deployment, a row each.
 *
 *   tokens            id, namespace, and all of the token as JSON but its last use; `used` is the hour of that, and is
 *                     null before the first. Apart, because it is what changes. Absent: there is no such token
 *   tokens_by_place   serves the pages of a list, by namespace and id
 */

import type { Token } from '../../core/access/token.ts';
import type { Sql, SqlRow } from '../storage/sql.ts';

/** Characters of the tokens of a page: one with all the scopes that it can have has 40,000. */
const PAGE_LENGTH_MAX = 1_000_000;

interface TokenRow extends SqlRow {
  json: string;
  used: number | null;
}

export class TokenStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    sql.run(
      'CREATE TABLE IF NOT EXISTS tokens (id TEXT PRIMARY KEY, namespace TEXT NOT NULL, used INTEGER, json TEXT NOT NULL) WITHOUT ROWID',
    );
    sql.run('CREATE INDEX IF NOT EXISTS tokens_by_place ON tokens (namespace, id)');
  }

  get(id: string): Token | null {
    const [row] = this.#sql.all<TokenRow>('SELECT json, used FROM tokens WHERE id = ?', id);
    return row ? tokenOf(row) : null;
  }

  put({ lastUsedMs, ...token }: Token): void {
    this.#sql.run(
      'INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?)',
      token.id,
      token.namespace,
      lastUsedMs,
      JSON.stringify(token),
    );
  }

  /** Removes some tokens of a namespace. @returns true if none is left */
  removeSome(namespace: string, limit: number): boolean {
    const { tokens, isMore } = this.page({ only: namespace, namespace, id: '' }, limit);
    for (const { id } of tokens) this.#sql.run('DELETE FROM tokens WHERE id = ?', id);
    return !isMore;
  }

  /** Writes a row only if the hour is later than the one that is known. */
  noteUse(id: string, hourMs: number): void {
    const [row] = this.#sql.all<{ used: number | null }>('SELECT used FROM tokens WHERE id = ?', id);
    if (row && (row.used ?? 0) < hourMs) this.#sql.run('UPDATE tokens SET used = ? WHERE id = ?', hourMs, id);
  }

  /**
   * The first after a namespace and id, by those, or of one namespace only: as many as a page takes, and one at least.
   * @returns with whether there are more
   */
  page(
    { only, namespace, id }: { only: string | null; namespace: string; id: string },
    limit: number,
  ): { tokens: Token[]; isMore: boolean } {
    const where = only === null ? '(namespace, id) > (?, ?)' : 'namespace = ? AND id > ?';
    const rows = this.#sql.each<TokenRow>(
      `SELECT json, used FROM tokens WHERE ${where} ORDER BY namespace, id LIMIT ?`,
      only ?? namespace,
      id,
      limit + 1,
    );
    const tokens: Token[] = [];
    let length = 0;
    for (const row of rows) {
      length += row.json.length;
      if (tokens.length === limit || (tokens.length > 0 && length > PAGE_LENGTH_MAX))
        return { tokens, isMore: true };
      tokens.push(tokenOf(row));
    }
    return { tokens, isMore: false };
  }
}

function tokenOf({ json, used }: TokenRow): Token {
  return { ...(JSON.parse(json) as Omit<Token, 'lastUsedMs'>), lastUsedMs: used };
}
