/**
 * Login key store: the key that signs what logins hand out, together with the root token.
 *
 *   login_key   one row, which never changes. The table is made with it. Absent: nobody has logged in by SCRAM
 */

import { hasTable, type Sql } from '../storage/sql.ts';

export class LoginKeyStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Returns the key, which it makes if there is none. */
  get(make: () => string): string {
    if (hasTable(this.#sql, 'login_key')) {
      const [row] = this.#sql.all<{ key: string }>('SELECT key FROM login_key');
      return row!.key;
    }
    const key = make();
    this.#sql.transaction(() => {
      this.#sql.run('CREATE TABLE login_key (key TEXT NOT NULL)');
      this.#sql.run('INSERT INTO login_key VALUES (?)', key);
    });
    return key;
  }
}
