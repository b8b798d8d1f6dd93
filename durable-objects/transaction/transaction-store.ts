/**
 * Transaction store: the one row of a coordinator, with the state of its transactional id as JSON. No row: the id was
 * never used. The row does not say that every partition has the marker, because a waking coordinator sends the markers
 * again. `listing` is in the JSON too: whether the watchdog knows of the id.
 */

import { NEVER_LISTED, type Listing } from '../../core/transaction/listing.ts';
import type { Transaction } from '../../core/transaction/transaction.ts';
import { hasTable, type Sql } from '../storage/sql.ts';
import type { TransactionPart } from '../rpc/transaction.ts';

/** The version of the table layout: docs/storage-format.md. */
const FORMAT = 1;

export type StoredTransaction = Transaction<TransactionPart>;

/** What earlier versions have not stored. */
const UNSTORED = { topicProducerId: null, resumedEpoch: null, number: 1 };

export class TransactionStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  read(): { state: StoredTransaction; listing: Listing } | null {
    if (!hasTable(this.#sql, 'transaction_state')) return null;
    const [row] = this.#sql.all<{ format: number; json: string }>(
      'SELECT format, json FROM transaction_state',
    );
    if (row === undefined) return null;
    if (row.format !== FORMAT) {
      throw new Error(
        `the transaction is stored in format ${row.format}; this version reads format ${FORMAT}`,
      );
    }
    const { listing = NEVER_LISTED, ...state } = JSON.parse(row.json) as StoredTransaction & {
      listing?: Listing;
    };
    return { state: { ...UNSTORED, ...state }, listing };
  }

  /** @param isFirst the table may not be there yet */
  write(state: StoredTransaction, listing: Listing, isFirst = false): void {
    this.#sql.transaction(() => {
      if (isFirst) {
        this.#sql.run(
          `CREATE TABLE IF NOT EXISTS transaction_state
             (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, json TEXT NOT NULL)`,
        );
      }
      this.#sql.run(
        'INSERT OR REPLACE INTO transaction_state VALUES (1, ?, ?)',
        FORMAT,
        JSON.stringify({ ...state, listing }),
      );
    });
  }
}
