/**
 * Subscription store: the tables of a subscription.
 *
 *   subscription   one row: the definition, replaced when it changes. Without it the subscription does not exist
 *   attempts       one row: the latest attempts, replaced once in a minute at most while it pushes
 */

import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { Attempt } from '../../protocol/schemas/subscriptions.ts';
import { hasTable, type Sql } from '../storage/sql.ts';

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS subscription (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS attempts (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)',
];

export class SubscriptionStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Null if it was never made, or is gone with its tables. */
  read(): SubscriptionDefinition | null {
    if (!hasTable(this.#sql, 'subscription')) return null;
    const [row] = this.#sql.all<{ json: string }>('SELECT json FROM subscription');
    return row ? (JSON.parse(row.json) as SubscriptionDefinition) : null;
  }

  write(definition: SubscriptionDefinition): void {
    this.#sql.transaction(() => {
      for (const statement of SCHEMA) this.#sql.run(statement);
      this.#sql.run('INSERT OR REPLACE INTO subscription VALUES (1, ?)', JSON.stringify(definition));
    });
  }

  readAttempts(): Attempt[] {
    const [row] = this.#sql.all<{ json: string }>('SELECT json FROM attempts');
    return row ? (JSON.parse(row.json) as Attempt[]) : [];
  }

  /** @param json of attempts */
  writeAttempts(json: string): void {
    this.#sql.run('INSERT OR REPLACE INTO attempts VALUES (1, ?)', json);
  }
}
