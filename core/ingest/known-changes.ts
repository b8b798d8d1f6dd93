/**
 * Known changes: which of the latest changes of a partition are stored. Debezium sends again what it does not know to be stored, after
 * a lost reply or a restart, so a change that is among the latest is left out.
 *
 * A change is named by its position in the log of its database, its transaction, its operation and a hash of its row. Positions are
 * compared for equality only: they are in no order, because changes come in the order of their commits.
 */

import { murmur2 } from '../../protocol/murmur2.ts';

/** Of a change, what names it. */
interface NamedChange {
  /** Null: it is no change of a table. */
  readonly table: object | null;
  readonly op: string;
  readonly lsn: string | null;
  readonly txId: string | null;
  /** The rows before and after. */
  readonly rowText: string;
}

/** How many changes of a partition are known: twice the batch of Debezium's default, and a bit. */
export const KNOWN_MAX = 5_000;

/** The header of a record that has the name of its change. */
export const CHANGE_HEADER = 'debezium.change';

const encoder = new TextEncoder();

/** Returns the name of a change; null for one without a position. */
export function nameOfChange({ table, op, lsn, txId, rowText }: NamedChange): string | null {
  if (lsn === null || table === null) return null;
  const text = JSON.stringify([table, rowText]);
  // Two hashes of 32 bits: one alone would be the same for two rows of a large COPY too often.
  const hash = [text, `${text} `].map((each) => murmur2(encoder.encode(each)).toString(16)).join('');
  return [lsn, txId ?? '', op, hash].join(' ');
}

export class KnownChanges {
  /** Where the log ends after them. */
  readonly end: number;
  /** The oldest first. */
  readonly #names: Set<string>;

  constructor(end: number, names: Iterable<string>) {
    this.end = end;
    this.#names = new Set(names);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Returns what is known once more records are stored. */
  with(records: number, names: readonly string[]): KnownChanges {
    const all = [...this.#names, ...names];
    return new KnownChanges(this.end + records, all.slice(-KNOWN_MAX));
  }
}
