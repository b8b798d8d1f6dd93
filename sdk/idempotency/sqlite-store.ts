/** SQLite store of `once`: keeps the ids of handled messages in a file of `node:sqlite`. */

import { invalidArgument } from '../errors.ts';
import { HandledIds } from './handled-ids.ts';
import { knownOf, type IdempotencyStore } from './once.ts';

/** A `DatabaseSync` of `node:sqlite`, or an object with the same methods. */
export interface SqliteDatabase {
  prepare(statement: string): { all(...values: (string | number | null)[]): unknown[] };
}

/**
 * Keeps ids in a SQLite database, in the table `handled_messages`. Several processes may share the file.
 * @example const store = sqliteStore(new DatabaseSync('handled.db'));
 */
export function sqliteStore(database: SqliteDatabase, now: () => number = Date.now): IdempotencyStore {
  const ids = idsOf(database);
  return {
    claim: async (id, token, leaseMs) => ids.claim(id, token, leaseMs, now()),
    complete: async (id, token, result, keepMs) => ids.complete(id, token, result, keepMs, now()),
    release: async (id, token) => ids.release(id, token),
  };
}

/**
 * As `sqliteStore`, but a handler runs in one transaction with the note that its message is handled: what it writes to this
 * database is written exactly once, whatever crashes. The handler has to be synchronous, and must not begin or end a
 * transaction itself.
 *
 * @example
 * const database = new DatabaseSync('accounts.db');
 * posthorn.consumer('payments', (message) => book(database, message.json()), {
 *   delivery: 'exactly-once',
 *   handled: sqliteTransactionStore(database),
 * });
 */
export function sqliteTransactionStore(
  database: SqliteDatabase,
  now: () => number = Date.now,
): IdempotencyStore {
  const run = (statement: string): unknown => database.prepare(statement).all();
  const ids = idsOf(database);
  return {
    ...sqliteStore(database, now),
    // No other code runs between the statements, because all of them run in one turn of the event loop.
    transact: async (id, handler, keepMs) => {
      run('BEGIN IMMEDIATE');
      try {
        const known = knownOf<ReturnType<typeof handler>>(id, ids.claim(id, '', keepMs, now()));
        const result = known ? known.result : handler();
        if (result instanceof Promise) {
          result.catch(() => {});
          throw invalidArgument('the handler returned a promise');
        }
        if (!known) ids.complete(id, '', JSON.stringify(result) ?? null, keepMs, now());
        run('COMMIT');
        return known ?? { isFirst: true, result };
      } catch (error) {
        run('ROLLBACK');
        throw error;
      }
    },
  };
}

function idsOf(database: SqliteDatabase): HandledIds {
  return new HandledIds({
    all: (statement, ...values) => database.prepare(statement).all(...values) as Record<string, unknown>[],
  });
}
