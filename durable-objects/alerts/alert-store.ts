/**
 * Alert store: the tables in which a queue keeps its alerts. The tables are made with the first rule that matches the
 * queue.
 *
 *   alerts    one row a rule that has ever been above, replaced when its state changes, and under ':deaths' the window of
 *             dead letters, replaced with each commit that dead-letters while a rule asks for their rate
 *   notices   one row a notice, until the receiver has it: its webhook, its body, and when it is to be tried next
 */

import type { AlertState } from '../../core/alerts/alert-state.ts';
import type { Sql, SqlRow } from '../storage/sql.ts';

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS alerts (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS notices (number INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, json TEXT NOT NULL)',
];

/** No rule has this name: names have no colon. */
const DEATHS = ':deaths';

/** Notices of one rule that wait for its receiver; the oldest goes if there are more. */
const NOTICES_PER_RULE_MAX = 50;

export interface StoredAlertState extends AlertState {
  /** Of the rule that it belongs to. */
  id: number;
}

export interface StoredNotice {
  /** What the receiver deduplicates by. */
  messageId: string;
  /** The body, as JSON text. */
  body: string;
  /** The webhook when the notice was written, for a rule that is gone. */
  webhook: { url: string; secret: string };
  attempts: number;
  firstMs: number;
  /** When it is to be tried next. */
  dueMs: number;
}

export interface NumberedNotice extends StoredNotice {
  number: number;
  rule: string;
}

interface NoticeRow extends SqlRow {
  number: number;
  rule: string;
  json: string;
}

export class AlertStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const statement of SCHEMA) sql.run(statement);
  }

  transaction(action: () => void): void {
    this.#sql.transaction(action);
  }

  states(): Map<string, StoredAlertState> {
    const rows = this.#sql.all<{ name: string; json: string }>('SELECT name, json FROM alerts');
    return new Map(
      rows
        .filter(({ name }) => name !== DEATHS)
        .map(({ name, json }) => [name, JSON.parse(json) as StoredAlertState]),
    );
  }

  putState(rule: string, state: StoredAlertState): void {
    this.#put(rule, state);
  }

  removeState(rule: string): void {
    this.#sql.run('DELETE FROM alerts WHERE name = ?', rule);
  }

  deaths(): [number, number][] {
    const [row] = this.#sql.all<{ json: string }>('SELECT json FROM alerts WHERE name = ?', DEATHS);
    return row ? (JSON.parse(row.json) as [number, number][]) : [];
  }

  putDeaths(buckets: [number, number][]): void {
    this.#put(DEATHS, buckets);
  }

  addNotice(rule: string, notice: StoredNotice): void {
    this.#sql.run('INSERT INTO notices (rule, json) VALUES (?, ?)', rule, JSON.stringify(notice));
    const waiting = this.notices().filter((each) => each.rule === rule);
    for (const { number } of waiting.slice(0, -NOTICES_PER_RULE_MAX)) this.removeNotice(number);
  }

  /** In the order in which they were written. */
  notices(): NumberedNotice[] {
    return this.#sql
      .all<NoticeRow>('SELECT number, rule, json FROM notices ORDER BY number')
      .map(({ number, rule, json }) => ({ ...(JSON.parse(json) as StoredNotice), number, rule }));
  }

  putNotice(number: number, notice: StoredNotice): void {
    this.#sql.run('UPDATE notices SET json = ? WHERE number = ?', JSON.stringify(notice), number);
  }

  removeNotice(number: number): void {
    this.#sql.run('DELETE FROM notices WHERE number = ?', number);
  }

  #put(name: string, value: object): void {
    this.#sql.run('INSERT OR REPLACE INTO alerts VALUES (?, ?)', name, JSON.stringify(value));
  }
}
