/**
 * Handled ids in SQLite, for any engine. It is synchronous, so nothing else runs between a read and the write that
 * depends on it.
 *
 *   handled_messages   a row per message id: the token of the claim and until when it holds, or null and until when the id
 *                      is kept; the result as JSON. Absent: nobody has it, or its time is over
 */

import type { Claim } from './once.ts';

/** The part of an engine that the store uses. Each call is a transaction of its own, or runs in one. */
export interface SqlStatements {
  /** Returns all rows of the statement. */
  all(statement: string, ...values: (string | number | null)[]): Record<string, unknown>[];
}

/** The time between two searches for expired ids, in ms. */
const SWEEP_MS = 3_600_000;

export class HandledIds {
  readonly #sql: SqlStatements;
  #sweptMs = -Infinity;

  constructor(sql: SqlStatements) {
    this.#sql = sql;
    sql.all(`CREATE TABLE IF NOT EXISTS handled_messages (
      id TEXT PRIMARY KEY,
      token TEXT,
      until_ms INTEGER NOT NULL,
      result TEXT
    ) WITHOUT ROWID`);
  }

  claim(id: string, token: string, leaseMs: number, nowMs: number): Claim {
    if (nowMs >= this.#sweptMs + SWEEP_MS) this.sweep(nowMs);
    // One statement, so that two processes that share a file cannot both claim the id.
    const claimed = this.#sql.all(
      `INSERT INTO handled_messages VALUES (?, ?, ?, NULL)
         ON CONFLICT (id) DO UPDATE SET token = excluded.token, until_ms = excluded.until_ms, result = NULL
         WHERE until_ms <= ? OR token = excluded.token
         RETURNING id`,
      id,
      token,
      nowMs + leaseMs,
      nowMs,
    );
    if (claimed.length > 0) return { outcome: 'claimed' };
    const [row] = this.#sql.all('SELECT token, until_ms, result FROM handled_messages WHERE id = ?', id);
    // Another process has given the id back since. The next attempt gets it.
    if (row === undefined) return { outcome: 'claimed elsewhere', untilMs: nowMs };
    if (row['token'] === null) return { outcome: 'done', result: row['result'] as string | null };
    return { outcome: 'claimed elsewhere', untilMs: row['until_ms'] as number };
  }

  complete(id: string, token: string, result: string | null, keepMs: number, nowMs: number): boolean {
    const completed = this.#sql.all(
      'UPDATE handled_messages SET token = NULL, until_ms = ?, result = ? WHERE id = ? AND token = ? RETURNING id',
      nowMs + keepMs,
      result,
      id,
      token,
    );
    return completed.length > 0;
  }

  release(id: string, token: string): void {
    this.#sql.all('DELETE FROM handled_messages WHERE id = ? AND token = ?', id, token);
  }

  /** Removes expired ids. @returns when the next id expires, in ms, or null */
  sweep(nowMs: number): number | null {
    this.#sweptMs = nowMs;
    this.#sql.all('DELETE FROM handled_messages WHERE until_ms <= ?', nowMs);
    const [row] = this.#sql.all('SELECT min(until_ms) AS next_ms FROM handled_messages');
    return (row?.['next_ms'] as number | null | undefined) ?? null;
  }
}
