/** The ids of handled messages in a file of `node:sqlite`. */

import { HandledIds } from './handled-ids.ts';
import type { IdempotencyStore } from './once.ts';

/** A `DatabaseSync` of `node:sqlite`, or what looks like one. */
export interface SqliteDatabase {
  prepare(statement: string): { all(...values: (string | number | null)[]): unknown[] };
}

/**
 * Keeps ids in a SQLite database, in the table `handled_messages`. Several processes may share the file.
 * @example const store = sqliteStore(new DatabaseSync('handled.db'));
 */
export function sqliteStore(database: SqliteDatabase, now: () => number = Date.now): IdempotencyStore {
  const ids = new HandledIds({
    all: (statement, ...values) => database.prepare(statement).all(...values) as Record<string, unknown>[],
  });
  return {
    claim: async (id, token, leaseMs) => ids.claim(id, token, leaseMs, now()),
    complete: async (id, token, result, keepMs) => ids.complete(id, token, result, keepMs, now()),
    release: async (id, token) => ids.release(id, token),
  };
}
