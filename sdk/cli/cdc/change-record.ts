/**
 * Change record: a change of a row as a record, in the form in which Debezium writes it.
 *
 *   key     {"id":7}: the columns of the primary key
 *   value   {"before", "after", "source": {"connector", "name", "db", "schema", "table", "txId", "lsn", "sequence"}, "op", "ts_ms"}
 *
 * Values of columns come as the text that PostgreSQL writes, and stay exact: an int8 is a JSON number of all its digits.
 */

export interface Column {
  readonly name: string;
  readonly typeOid: number;
}

export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  /** Of the primary key; none if there is none. */
  readonly keyColumns: readonly string[];
}

/** Text by column. Absent: a large value that the change has left as it was. */
export type Row = Readonly<Record<string, string | null | undefined>>;

/** Where changes come from, and when. */
export interface Source {
  readonly name: string;
  readonly db: string;
  readonly txId: number;
  /** Of the commit. */
  readonly lsn: string;
  readonly atMs: number;
  readonly isSnapshot: boolean;
}

export type Op = 'c' | 'u' | 'd' | 'r' | 't';

export interface ChangeRecord {
  readonly key: string | null;
  /** Null: a tombstone. */
  readonly value: string | null;
}

const BOOLEAN = 16;
const INTEGERS = new Set([20, 21, 23, 26]);
const FLOATS = new Set([700, 701]);
const JSONS = new Set([114, 3802]);

/** @param sequence which change of its transaction it is, from 0 */
export function changeRecord(
  source: Source,
  table: Table,
  { op, before, after, sequence }: { op: Op; before: Row | null; after: Row | null; sequence: number },
): ChangeRecord {
  const { schema, name } = table;
  const from = JSON.stringify({
    connector: 'postgresql',
    name: source.name,
    snapshot: String(source.isSnapshot),
    db: source.db,
    schema,
    table: name,
    txId: source.txId,
    sequence,
  });
  const lsn = `"lsn":${numberOfLsn(source.lsn)}`;
  const parts = [
    `"before":${before === null ? 'null' : jsonOfRow(before, table)}`,
    `"after":${after === null ? 'null' : jsonOfRow(after, table)}`,
    `"source":${from.slice(0, -1)},${lsn}}`,
    `"op":"${op}"`,
    `"ts_ms":${source.atMs}`,
  ];
  return { key: keyOfRow(after ?? before, table), value: `{${parts.join(',')}}` };
}

/** Returns the key of a row; null if its table has none. */
export function keyOfRow(row: Row | null, { columns, keyColumns }: Table): string | null {
  if (row === null || keyColumns.length === 0) return null;
  const own = columns.filter(({ name }) => keyColumns.includes(name));
  return `{${own.map((column) => member(row, column)).join(',')}}`;
}

function jsonOfRow(row: Row, { columns }: Table): string {
  const there = columns.filter(({ name }) => row[name] !== undefined);
  return `{${there.map((column) => member(row, column)).join(',')}}`;
}

function member(row: Row, { name, typeOid }: Column): string {
  return `${JSON.stringify(name)}:${jsonOf(row[name] ?? null, typeOid)}`;
}

function jsonOf(text: string | null, typeOid: number): string {
  if (text === null) return 'null';
  if (typeOid === BOOLEAN) return text === 't' ? 'true' : 'false';
  if (INTEGERS.has(typeOid) || JSONS.has(typeOid)) return text;
  // NaN and the infinities are no numbers of JSON.
  if (FLOATS.has(typeOid) && /\d$/.test(text)) return text;
  return JSON.stringify(text);
}

/** Returns a position in the log of PostgreSQL as a number: `16/B374D848` has two halves of 32 bits. */
export function numberOfLsn(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function lsnOfNumber(number: bigint): string {
  return `${(number >> 32n).toString(16)}/${(number & 0xffff_ffffn).toString(16)}`.toUpperCase();
}
