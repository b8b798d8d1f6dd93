/**
 * Message store: the messages that a transaction holds until it is committed.
 *
 *   held_messages   a row for each publish: of which transaction (producer id and epoch), the sequence of its first message,
 *                   where its messages go as JSON, and the messages as record batches. Rows of other transactions mean
 *                   nothing; they are written over by the next publishes, so that one costs a row and not two. Those
 *                   above the first few are deleted when their transaction has ended. The table is made with the first row
 */

import type { Held } from '../../core/transaction/held-messages.ts';
import type { Identity } from '../../core/transaction/transaction.ts';
import { hasTable, type Sql, type SqlRow } from '../storage/sql.ts';
import type { HeldPublish } from '../rpc/transaction.ts';

/** Rows that stay to be written over. */
const SLOTS_KEPT = 4;

interface Row extends SqlRow {
  slot: number;
  producer_id: number;
  epoch: number;
  sequence: number;
  message_count: number;
  shares: string;
  data: Uint8Array;
}

export class MessageStore {
  readonly #sql: Sql;
  #isMade: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#isMade = hasTable(sql, 'held_messages');
  }

  held({ id, epoch }: Identity): Held {
    if (!this.#isMade) return { messages: 0, bytes: 0 };
    const [row] = this.#sql.all<{ messages: number | null; bytes: number | null }>(
      'SELECT sum(message_count) AS messages, sum(length(data)) AS bytes FROM held_messages WHERE producer_id = ? AND epoch = ?',
      id,
      epoch,
    );
    return { messages: row?.messages ?? 0, bytes: row?.bytes ?? 0 };
  }

  /** Creates the table if necessary, before a transaction that writes to it and may be rolled back. */
  create(): void {
    if (this.#isMade) return;
    this.#sql.run(
      `CREATE TABLE IF NOT EXISTS held_messages (
         slot INTEGER PRIMARY KEY,
         producer_id INTEGER NOT NULL,
         epoch INTEGER NOT NULL,
         sequence INTEGER NOT NULL,
         message_count INTEGER NOT NULL,
         shares TEXT NOT NULL,
         data BLOB NOT NULL
       )`,
    );
    this.#isMade = true;
  }

  add({ id, epoch }: Identity, slot: number, { sequence, count, shares, bytes }: HeldPublish): void {
    this.#sql.run(
      'INSERT OR REPLACE INTO held_messages VALUES (?, ?, ?, ?, ?, ?, ?)',
      slot,
      id,
      epoch,
      sequence,
      count,
      JSON.stringify(shares),
      bytes,
    );
  }

  /** The publishes of a transaction, in order. */
  publishes({ id, epoch }: Identity): HeldPublish[] {
    if (!this.#isMade) return [];
    return this.#sql
      .all<Row>(
        'SELECT * FROM held_messages WHERE producer_id = ? AND epoch = ? ORDER BY sequence',
        id,
        epoch,
      )
      .map(({ sequence, message_count: count, shares, data }) => ({
        sequence,
        count,
        shares: JSON.parse(shares) as HeldPublish['shares'],
        bytes: data,
      }));
  }

  count(identity: Identity): number {
    if (!this.#isMade) return 0;
    return this.#sql.all<{ publishes: number }>(
      'SELECT count(*) AS publishes FROM held_messages WHERE producer_id = ? AND epoch = ?',
      identity.id,
      identity.epoch,
    )[0]!.publishes;
  }

  /** Releases the rows of a large transaction. */
  shrink(): void {
    if (this.#isMade) this.#sql.run('DELETE FROM held_messages WHERE slot >= ?', SLOTS_KEPT);
  }
}
