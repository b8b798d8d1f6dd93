/** Every statement on the tables `parked` and `totals` (queue-schema.ts). */

import { NONE_DISCARDED, type Discarded } from '../../../core/queue/dead-letters/letter-routes.ts';
import type { Sql, SqlRow } from '../../storage/sql.ts';

export interface ParkedRow extends SqlRow {
  is_keyed: number;
  due_ms: number;
  seq: number;
  lane: number;
  count: number;
  data: Uint8Array;
}

export interface Totals {
  parked: number;
  parkedBytes: number;
  /** Every number that the outbox has given is below it. */
  reserved: number;
  /** Since the queue was made. */
  discarded: Discarded;
}

interface TotalsRow extends SqlRow {
  parked: number;
  parked_bytes: number;
  reserved: number;
  lost: string;
}

export const NO_TOTALS: Totals = {
  parked: 0,
  parkedBytes: 0,
  reserved: 0,
  discarded: NONE_DISCARDED,
};

export class ParkedStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  insert(isKeyed: boolean, dueMs: number, lane: number, count: number, data: Uint8Array): void {
    this.#sql.run(
      `INSERT INTO parked VALUES
         (?1, ?2, coalesce((SELECT max(seq) + 1 FROM parked WHERE is_keyed = ?1 AND due_ms = ?2), 0), ?3, ?4, ?5)`,
      isKeyed ? 1 : 0,
      dueMs,
      lane,
      count,
      data,
    );
  }

  /** Due rows, the earliest first, up to a number of rows and of bytes, but at least one. */
  due(nowMs: number, rowsMax: number, bytesMax: number): { rows: ParkedRow[]; isMoreDue: boolean } {
    const rows: ParkedRow[] = [];
    let bytes = 0;
    for (const isKeyed of [0, 1]) {
      const due = this.#sql.each<ParkedRow>(
        'SELECT * FROM parked WHERE is_keyed = ? AND due_ms <= ? ORDER BY due_ms, seq LIMIT ?',
        isKeyed,
        nowMs,
        rowsMax + 1,
      );
      for (const row of due) {
        if (rows.length > 0 && (rows.length >= rowsMax || bytes + row.data.length > bytesMax)) {
          return { rows, isMoreDue: true };
        }
        bytes += row.data.length;
        rows.push(row);
      }
    }
    return { rows: rows.toSorted((a, b) => a.due_ms - b.due_ms), isMoreDue: false };
  }

  /** Those with ordering keys, in whatever order, one at a time. */
  *keyed(): IterableIterator<ParkedRow> {
    yield* this.#sql.each<ParkedRow>('SELECT * FROM parked WHERE is_keyed = 1');
  }

  delete({ is_keyed, due_ms, seq }: Pick<ParkedRow, 'is_keyed' | 'due_ms' | 'seq'>): void {
    this.#sql.run('DELETE FROM parked WHERE is_keyed = ? AND due_ms = ? AND seq = ?', is_keyed, due_ms, seq);
  }

  deleteAll(): void {
    this.#sql.run('DELETE FROM parked');
  }

  /** When the next is due: one look-up for each kind. */
  nextMs(): number | null {
    const times = [0, 1].flatMap((isKeyed) =>
      this.#sql.all<{ due_ms: number }>(
        'SELECT due_ms FROM parked WHERE is_keyed = ? ORDER BY due_ms LIMIT 1',
        isKeyed,
      ),
    );
    return times.length === 0 ? null : Math.min(...times.map(({ due_ms: dueMs }) => dueMs));
  }

  totals(): Totals {
    const [row] = this.#sql.all<TotalsRow>('SELECT parked, parked_bytes, reserved, lost FROM totals');
    if (!row) return structuredClone(NO_TOTALS);
    const { parked, parked_bytes: parkedBytes, reserved, lost } = row;
    return { parked, parkedBytes, reserved, discarded: JSON.parse(lost) as Discarded };
  }

  /** What the row tells of producers. */
  totalsProducers(): string | null {
    const [row] = this.#sql.all<{ producers: string | null }>('SELECT producers FROM totals');
    return row?.producers ?? null;
  }

  writeTotals({ parked, parkedBytes, reserved, discarded }: Totals, producers: string | null): void {
    this.#sql.run(
      'INSERT OR REPLACE INTO totals (id, parked, parked_bytes, reserved, lost, producers) VALUES (1, ?, ?, ?, ?, ?)',
      parked,
      parkedBytes,
      reserved,
      JSON.stringify(discarded),
      producers,
    );
  }
}
