/** Changes as Debezium writes them: their table, key and records. */

import { describe, expect, it } from 'vitest';
import {
  changeOfEvent,
  changeOfJson,
  keyOf,
  recordsOf,
  topicOf,
  type Change,
} from '../../../core/ingest/debezium.ts';
import { CHANGE_HEADER, nameOfChange } from '../../../core/ingest/known-changes.ts';
import { isFailure, type Failure } from '../../../protocol/errors.ts';

const POSTGRES = {
  connector: 'postgresql',
  name: 'shop',
  db: 'prod',
  schema: 'public',
  table: 'orders',
  lsn: 29274832,
};
const change = (fields: object): Change => {
  const read = changeOfJson(
    JSON.stringify({ before: null, after: { id: 7 }, source: POSTGRES, op: 'c', ...fields }),
  );
  if (isFailure(read)) throw new Error(read.message);
  return read;
};
const codeOf = (value: unknown): string => (value as Failure).code;

describe('a change', () => {
  it('is read with its schema and without it', () => {
    const expected = {
      table: { server: 'shop', db: 'prod', schema: 'public', table: 'orders' },
      op: 'c',
      lsn: '29274832',
    };
    const plain = { before: null, after: { id: 7 }, source: POSTGRES, op: 'c' };
    expect(changeOfJson(JSON.stringify(plain))).toMatchObject(expected);
    expect(changeOfJson(JSON.stringify({ schema: { type: 'struct' }, payload: plain }))).toMatchObject(
      expected,
    );
  });

  it('is read from a CloudEvent', () => {
    const attributes = new Map([
      ['iodebeziumname', 'shop'],
      ['iodebeziumschema', 'public'],
      ['iodebeziumtable', 'orders'],
      ['iodebeziumlsn', '7'],
      ['iodebeziumop', 'd'],
    ]);
    const data = new TextEncoder().encode('{"before":{"id":1},"after":null}');
    expect(changeOfEvent({ attributes, data })).toMatchObject({
      table: { server: 'shop', db: null, schema: 'public', table: 'orders' },
      op: 'd',
      lsn: '7',
    });
    expect(changeOfEvent({ attributes: new Map(), data: null })).toMatchObject({ table: null, row: null });
  });

  it('is read from a CloudEvent whose data is no JSON, without its row', () => {
    const attributes = new Map([
      ['iodebeziumname', 'shop'],
      ['iodebeziumtable', 'orders'],
    ]);
    for (const data of [Uint8Array.of(0), Uint8Array.of(0x22, 0xff, 0x22), new TextEncoder().encode('[1]')])
      expect(changeOfEvent({ attributes, data })).toMatchObject({ table: { table: 'orders' }, row: null });
  });

  it('has the row that MongoDB writes as text', () => {
    const row = '{"_id":{"$oid":"6561"},"n":1.50}';
    expect(keyOf(change({ after: row }), '_id,n')).toBe('{"_id":{"$oid":"6561"},"n":1.50}');
    expect(change({ after: null, before: row }).row).not.toBeNull();
    for (const other of ['', 'no JSON', '[1]', '['.repeat(9_000)])
      expect(change({ after: other }).row).toBeNull();
  });

  it.each(['[]', '1', 'null', '"a"'])('is no %s', (text) => {
    expect(codeOf(changeOfJson(text))).toBe('invalid_event');
  });
});

describe('the topic of a change', () => {
  it.each([
    [{}, undefined, 'shop.public.orders'],
    [{ source: { name: 'shop', db: 'inventory', table: 'orders' } }, undefined, 'shop.inventory.orders'],
    [{ source: { name: 'shop', db: 'inventory', collection: 'orders' } }, undefined, 'shop.inventory.orders'],
    [{ source: { ...POSTGRES, table: 'größe 1' } }, undefined, 'shop.public.gr__e_1'],
    [{}, 'cdc.{db}.{table}', 'cdc.prod.orders'],
    [{}, 'all', 'all'],
  ])('is named after its table: %j by %s', (fields, topic, expected) => {
    expect(topicOf(change(fields), { topic })).toBe(expected);
  });

  it('is refused if there is no table, or no name of it', () => {
    const heartbeat = change({ source: undefined, ts_ms: 1 });
    expect(codeOf(topicOf(heartbeat, {}))).toBe('invalid_event');
    expect(topicOf(heartbeat, { other: 'rest' })).toBe('rest');
    expect(codeOf(topicOf(change({ source: { ...POSTGRES, schema: 'x'.repeat(300) } }), {}))).toBe(
      'invalid_event',
    );
  });
});

describe('the key of a change', () => {
  it.each([
    ['{"id":9007199254740993}', 'id', '{"id":9007199254740993}'],
    [
      '{"id":1.50,"b":"é","c":{"d":[1e2,null,true]}}',
      'b,id,c',
      '{"b":"é","id":1.50,"c":{"d":[1e2,null,true]}}',
    ],
  ])('is that of the columns, as they are written: %s', (row, columns, expected) => {
    const read = changeOfJson(`{"after":${row},"source":{"name":"s","table":"t"}}`) as Change;
    expect(keyOf(read, columns)).toBe(expected);
  });

  it('is that of the row before if there is none after', () => {
    expect(keyOf(change({ op: 'd', before: { id: 3 }, after: null }), 'id')).toBe('{"id":3}');
    expect(keyOf(change({ op: 't', after: null }), 'id')).toBeNull();
    expect(keyOf(change({}), undefined)).toBeNull();
  });

  it('needs the column', () => {
    expect(codeOf(keyOf(change({}), 'other'))).toBe('invalid_event');
    expect(codeOf(keyOf(change({}), 'constructor'))).toBe('invalid_event');
  });
});

describe('the records of a change', () => {
  const bytes = new TextEncoder().encode('{ "a": 1 }');

  it('have the event as it came', () => {
    expect(recordsOf({ change: change({}), bytes }, { key: 'id', tombstones: true })).toEqual([
      {
        key: '{"id":7}',
        value: { $base64: btoa('{ "a": 1 }') },
        headers: { 'content-type': 'application/json', [CHANGE_HEADER]: nameOfChange(change({})) },
      },
    ]);
  });

  it('have a tombstone after a delete, if it is wanted', () => {
    const deleted = change({ op: 'd', before: { id: 3 }, after: null });
    const records = recordsOf({ change: deleted, bytes }, { key: 'id', tombstones: true });
    expect(records).toMatchObject([
      { key: '{"id":3}' },
      { key: '{"id":3}', value: null, headers: { [CHANGE_HEADER]: `${nameOfChange(deleted)} tombstone` } },
    ]);
    expect(recordsOf({ change: deleted, bytes }, { key: 'id', tombstones: false })).toHaveLength(1);
  });

  it('of a CloudEvent have its attributes', () => {
    const event = { attributes: new Map([['id', '1']]), data: bytes };
    expect(recordsOf({ change: change({}), event }, { key: 'id', tombstones: false })).toMatchObject([
      { key: '{"id":7}', headers: { ce_id: '1' } },
    ]);
  });

  it('are none if the key is missing', () => {
    expect(codeOf(recordsOf({ change: change({}), bytes }, { key: 'no', tombstones: false }))).toBe(
      'invalid_event',
    );
  });
});
