/** Every statement on the tables `parked` and `totals` (queue-schema.ts). */

import { NONE_DISCARDED, type Discarded } from '../../../core/queue/dead-letters/letter-routes.ts';
import type { ParkedPosition } from '../../../core/queue/messages/message-id.ts';
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

  insert(
    { isKeyed, dueMs, seq }: Omit<ParkedPosition, 'index'>,
    lane: number,
    count: number,
    data: Uint8Array,
  ): void {
    this.#sql.run(
      'INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?)',
      isKeyed ? 1 : 0,
      dueMs,
      seq,
      lane,
      count,
      data,
    );
  }

  row({ isKeyed, dueMs, seq }: ParkedPosition): ParkedRow | null {
    const [row] = this.#sql.all<ParkedRow>(
      'SELECT * FROM parked WHERE is_keyed = ? AND due_ms = ? AND seq = ?',
      isKeyed ? 1 : 0,
      dueMs,
      seq,
    );
    return row ?? null;
  }

  /** A message has left the row; others stay. */
  shrink({ is_keyed, due_ms, seq }: ParkedRow, count: number, data: Uint8Array): void {
    this.#sql.run(
      'UPDATE parked SET count = ?, data = ? WHERE is_keyed = ? AND due_ms = ? AND seq = ?',
      count,
      data,
      is_keyed,
      due_ms,
      seq,
    );
  }

  /** Rows from that of a position on, by time; of one time, those without keys first. One row of each kind is in memory. */
  *from(after: ParkedPosition | null): IterableIterator<ParkedRow> {
    const [plain, keyed] = [false, true].map((isKeyed) =>
      this.#sql.each<ParkedRow>(
        `SELECT * FROM parked WHERE is_keyed = ? AND (due_ms, seq) >= (?, ?) ORDER BY due_ms, seq`,
        isKeyed ? 1 : 0,
        after?.dueMs ?? 0,
        after === null || after.isKeyed < isKeyed
          ? 0
          : after.isKeyed > isKeyed
            ? Number.MAX_SAFE_INTEGER
            : after.seq,
      ),
    ) as [IterableIterator<ParkedRow>, IterableIterator<ParkedRow>];
    try {
      let [a, b] = [plain.next(), keyed.next()];
      while (!a.done || !b.done) {
        if (b.done || (!a.done && a.value.due_ms <= b.value.due_ms)) {
          yield a.value as ParkedRow;
          a = plain.next();
        } else {
          yield b.value as ParkedRow;
          b = keyed.next();
        }
      }
    } finally {
      plain.return?.();
      keyed.return?.();
    }
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
