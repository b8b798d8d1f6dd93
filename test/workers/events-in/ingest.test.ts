/** Change capture over HTTP: what Debezium Server posts, in the topics of its tables. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Webhook } from 'standardwebhooks';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { DebeziumStored } from '../../../protocol/schemas/ingest.ts';
import { LockedBroker, ROOT } from '../access/support.ts';

let locked: LockedBroker;
beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('cdc');
});
afterAll(() => locked.broker.stop());

const change = (table: string, lsn: number, fields: object = {}): object => ({
  before: null,
  after: { id: lsn },
  source: { connector: 'postgresql', name: 'shop', db: 'prod', schema: 'public', table, lsn, txId: 565 },
  op: 'c',
  ts_ms: 1_700_000_000_000,
  transaction: null,
  ...fields,
});

async function post(
  query: string,
  body: unknown,
  { token = ROOT, type = 'application/json' }: { token?: string; type?: string } = {},
): Promise<{ status: number; body: DebeziumStored & ProblemDocument }> {
  const reply = await fetch(`${locked.broker.url}/v1/cdc/ingest/debezium?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: reply.status, body: (await reply.json()) as DebeziumStored & ProblemDocument };
}

async function recordsOf(topic: string): Promise<Record<string, unknown>[]> {
  const path = `/v1/cdc/topics/${topic}/partitions/0/records?offset=earliest`;
  return (await locked.call<{ records: Record<string, unknown>[] }>('GET', path)).body.records;
}

describe('changes', () => {
  it('are stored without a byte order mark', async () => {
    expect((await post('', `\ufeff${JSON.stringify(change('marked', 1))}`)).status).toBe(200);
    expect(await recordsOf('shop.public.marked')).toMatchObject([{ value: change('marked', 1) }]);
  });

  it('make their topics, and are stored in order', async () => {
    const events = [change('orders', 1), change('mails', 2), change('orders', 3)];
    expect(await post('key=id', events)).toEqual({
      status: 200,
      body: {
        events: 3,
        topics: [
          { topic: 'shop.public.orders', records: 2 },
          { topic: 'shop.public.mails', records: 1 },
        ],
      },
    });
    expect(await recordsOf('shop.public.orders')).toMatchObject([
      { key: '{"id":1}', value: events[0] },
      { key: '{"id":3}', value: events[2] },
    ]);
  });

  it('come one at a time, with a schema around them, and numbers stay as they are', async () => {
    const text =
      '{"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":9007199254740993},"source":{"name":"s","schema":"public","table":"big"},"op":"r"}}';
    expect((await post('key=id', text)).status).toBe(200);
    const [record] = await recordsOf('s.public.big');
    expect(record!['key']).toBe('{"id":9007199254740993}');
  });

  it('of a delete get a tombstone in a compacted topic', async () => {
    await locked.call('PUT', '/v1/cdc/topics/latest', { cleanup_policy: 'compact' });
    const deleted = change('orders', 9, { op: 'd', before: { id: 4 }, after: null });
    expect((await post('topic=latest&key=id&tombstones=true', deleted)).body.topics).toEqual([
      { topic: 'latest', records: 2 },
    ]);
    expect(await recordsOf('latest')).toMatchObject([
      { key: '{"id":4}', value: deleted },
      { key: '{"id":4}', value: null },
    ]);
  });

  it('as CloudEvents, with nulls and capitals, become events', async () => {
    const event = {
      id: 'name:test_server;lsn:29274832;txId:565',
      source: '/debezium/postgresql/test_server',
      specversion: '1.0',
      type: 'io.debezium.connector.postgresql.DataChangeEvent',
      time: '2026-01-13T13:55:39.738Z',
      datacontenttype: 'application/json',
      iodebeziumop: 'u',
      iodebeziumname: 'test_server',
      iodebeziumdb: 'postgres',
      iodebeziumschema: 's1',
      iodebeziumtable: 'a',
      iodebeziumtxId: '565',
      iodebeziumlsn: '29274832',
      iodebeziumxmin: null,
      iodebeziumtxid: null,
      data: { before: null, after: { pk: 1, aa: 1 } },
    };
    for (const [body, type] of [
      [event, 'application/cloudevents+json'],
      [[event, event], 'application/cloudevents-batch+json'],
      [[event], 'application/json'],
    ] as const)
      expect((await post('key=pk', body, { type })).body.topics).toMatchObject([
        { topic: 'test_server.s1.a' },
      ]);
    const [record] = await recordsOf('test_server.s1.a');
    expect(record).toMatchObject({
      key: '{"pk":1}',
      value: event.data,
      headers: { ce_id: event.id, ce_iodebeziumtxid: '565', 'content-type': 'application/json' },
    });
  });

  it('that come again are stored once, also in part, and at the same time', async () => {
    const events = Array.from({ length: 20 }, (_, at) => change('again', 100 + at));
    const send = async (some: object[]): Promise<unknown> =>
      (await post('topic=again', some)).body.topics.map(({ records }) => records);
    expect(await send(events.slice(0, 5))).toEqual([5]);
    expect(await send(events.slice(0, 5))).toEqual([0]);
    expect(await send(events.slice(3, 8))).toEqual([3]);
    // The time of sending is another then, and their places may be.
    expect(await send([change('again', 104, { ts_ms: 7 }), events[0]!])).toEqual([0]);
    const statuses = await Promise.all(Array.from({ length: 8 }, () => post('topic=again', events)));
    for (const { status } of statuses) expect([200, 409]).toContain(status);
    const stored = await recordsOf('again');
    expect(stored.map(({ value }) => (value as { after: { id: number } }).after.id)).toEqual(
      events.map((_, at) => 100 + at),
    );
  });

  it('of a transaction that commits later may have an earlier position', async () => {
    await post('topic=late', [change('late', 200), change('late', 201)]);
    expect((await post('topic=late', change('late', 150))).body.topics).toEqual([
      { topic: 'late', records: 1 },
    ]);
  });

  it('are known by another isolate, which reads them from the log', async () => {
    const events = Array.from({ length: 30 }, (_, at) => change('kept', 300 + at));
    await post('topic=kept&key=id', events);
    // Others write to the topic as well.
    await locked.call('POST', '/v1/cdc/topics/kept/records', { records: [{ value: 'another' }] });
    expect((await post('topic=kept&key=id', [...events, change('kept', 330)])).body.topics).toEqual([
      { topic: 'kept', records: 1 },
    ]);
  });

  it.each([
    ['tombstones=true', change('a', 1), 'invalid_field'],
    ['topic={nothing}', change('a', 1), 'invalid_field'],
    ['key=nothing', change('a', 1), 'invalid_event'],
    ['create=false', change('never-made', 1), 'topic_not_found'],
    ['', { ts_ms: 1 }, 'invalid_event'],
    ['', 1, 'invalid_event'],
    ['', [change('a', 1), null], 'invalid_event'],
    ['', '{', 'malformed_json'],
  ])('are refused: %s %j', async (query, body, code) => {
    expect((await post(query, body)).body.code).toBe(code);
  });

  it('that are no changes of tables go where they are to go', async () => {
    await post('other=heartbeats', [{ ts_ms: 1 }, { status: 'END', id: '571:53195832' }]);
    expect(await recordsOf('heartbeats')).toMatchObject([
      { value: { ts_ms: 1 } },
      { value: { status: 'END' } },
    ]);
  });

  it('need the right to write to their topic, and to make it', async () => {
    const scope = (action: 'write' | 'manage') =>
      ({ kind: 'topic', name: 'shop.*', actions: [action] }) as const;
    const writer = await locked.token('cdc', { scopes: [scope('write')] });
    const maker = await locked.token('cdc', { scopes: [scope('write'), scope('manage')] });
    const status = async (token: string, table: string): Promise<number> =>
      (await post('', change(table, 1), { token })).status;
    expect(await status(writer.token, 'orders')).toBe(200);
    expect(await status(writer.token, 'new')).toBe(403);
    expect(await status(maker.token, 'new')).toBe(200);
    expect((await post('topic=elsewhere', change('a', 1), { token: maker.token })).status).toBe(403);
  });
});

it('Debezium Server signs its requests, for a hook', async () => {
  const put = await locked.call<{ secret: string }>('PUT', '/v1/cdc/hooks/debezium', {
    target: { debezium: { key: 'id', topic: 'hooked.{table}' } },
    scheme: 'standard',
  });
  const send = async (body: string, secret: string): Promise<number> => {
    const at = new Date();
    const reply = await fetch(`${locked.broker.url}/v1/cdc/hooks/debezium`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': 'm-1',
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': new Webhook(secret).sign('m-1', at, body),
      },
      body,
    });
    return reply.status;
  };
  const body = JSON.stringify([change('orders', 1), change('orders', 2)]);
  expect(await send(body, put.body.secret)).toBe(202);
  expect(await send(body, `whsec_${'A'.repeat(32)}`)).toBe(401);
  expect(await recordsOf('hooked.orders')).toHaveLength(2);
  expect(await send('[]', put.body.secret)).toBe(202);
});
