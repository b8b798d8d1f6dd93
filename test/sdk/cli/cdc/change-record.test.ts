/** Rows as PostgreSQL writes them, as records of JSON. */

import { describe, expect, it } from 'vitest';
import {
  changeRecord,
  keyOfRow,
  lsnOfNumber,
  numberOfLsn,
  type Table,
} from '../../../../sdk/cli/cdc/change-record.ts';

const table: Table = {
  schema: 'public',
  name: 'orders',
  columns: [
    { name: 'id', typeOid: 20 },
    { name: 'total', typeOid: 1700 },
    { name: 'rate', typeOid: 701 },
    { name: 'paid', typeOid: 16 },
    { name: 'more', typeOid: 3802 },
    { name: 'note', typeOid: 25 },
  ],
  keyColumns: ['id'],
};
const source = {
  name: 'shop',
  db: 'prod',
  txId: 7,
  lsn: '16/B374D848',
  atMs: 1_700_000_000_000,
  isSnapshot: false,
};
const row = { id: '9007199254740993', total: '1.50', rate: '1e+20', paid: 't', more: '{"a": 1}', note: 'ä"' };

describe('a change', () => {
  it('keeps every digit', () => {
    const { key, value } = changeRecord(source, table, { op: 'c', before: null, after: row, sequence: 3 });
    expect(key).toBe('{"id":9007199254740993}');
    expect(value).toBe(
      '{"before":null,"after":{"id":9007199254740993,"total":"1.50","rate":1e+20,"paid":true,"more":{"a": 1},"note":"ä\\""},' +
        '"source":{"connector":"postgresql","name":"shop","snapshot":"false","db":"prod","schema":"public","table":"orders",' +
        '"txId":7,"sequence":3,"lsn":97500059720},"op":"c","ts_ms":1700000000000}',
    );
    expect(JSON.parse(value!)).toMatchObject({ op: 'c' });
  });

  it.each([
    [{ rate: 'NaN' }, { rate: 'NaN' }],
    [{ rate: '-Infinity' }, { rate: '-Infinity' }],
    [{ rate: '0.1' }, { rate: 0.1 }],
    [{ paid: 'f' }, { paid: false }],
    [
      { note: null, more: null },
      { note: null, more: null },
    ],
    [{ more: '[1]' }, { more: [1] }],
  ])('has %j as %j, and leaves out what it does not know', (given, expected) => {
    const { value } = changeRecord(source, table, { op: 'u', before: null, after: given, sequence: 0 });
    expect((JSON.parse(value!) as { after: object }).after).toEqual(expected);
  });

  it('of a row that is gone has the key of the row before', () => {
    const { key, value } = changeRecord(source, table, {
      op: 'd',
      before: { id: '1' },
      after: null,
      sequence: 0,
    });
    expect([key, JSON.parse(value!)]).toMatchObject([
      '{"id":1}',
      { before: { id: 1 }, after: null, op: 'd' },
    ]);
  });

  it('has no key without a primary key, or without a row', () => {
    expect(keyOfRow(row, { ...table, keyColumns: [] })).toBeNull();
    expect(keyOfRow(null, table)).toBeNull();
    expect(keyOfRow(row, { ...table, keyColumns: ['note', 'id'] })).toBe(
      '{"id":9007199254740993,"note":"ä\\""}',
    );
  });
});

it('positions are numbers of 64 bits', () => {
  expect(numberOfLsn('16/B374D848')).toBe(97_500_059_720n);
  expect(numberOfLsn('0/0')).toBe(0n);
  expect(numberOfLsn('FFFFFFFF/FFFFFFFF')).toBe(2n ** 64n - 1n);
  for (const lsn of ['16/B374D848', '0/0', 'FFFFFFFF/1']) expect(lsnOfNumber(numberOfLsn(lsn))).toBe(lsn);
});
