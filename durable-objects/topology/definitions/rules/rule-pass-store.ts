/**
 * Rule pass store: the pass of policies and alert rules over the queues that is under way.
 *
 *   rule_pass   one row while a pass is under way, replaced by each slice; absent otherwise
 */

import type { RulePass } from '../../../../core/topology/rules/rule-pass.ts';
import type { Sql } from '../../../storage/sql.ts';

export class RulePassStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    sql.run(
      'CREATE TABLE IF NOT EXISTS rule_pass (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)',
    );
  }

  get(): RulePass | null {
    const [row] = this.#sql.all<{ json: string }>('SELECT json FROM rule_pass');
    return row ? (JSON.parse(row.json) as RulePass) : null;
  }

  put(pass: RulePass | null): void {
    if (pass) this.#sql.run('INSERT OR REPLACE INTO rule_pass VALUES (1, ?)', JSON.stringify(pass));
    else this.#sql.run('DELETE FROM rule_pass');
  }
}
