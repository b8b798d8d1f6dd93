/** Publishing through exchanges, over HTTP, into queues and topics. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { ExchangeBatchesPublished, ExchangePublished } from '../../../protocol/schemas/exchanges.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { encodeBatch, type RecordInput } from '../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../support/batches.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';
import { drainQueue } from '../../support/clients/queue-client.ts';

const NAMESPACE = '/v1/default';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted' });
});
afterAll(() => broker.stop());

const put = (path: string, body: object = {}) => broker.call('PUT', `${NAMESPACE}/${path}`, body);
const remove = (path: string) => broker.call('DELETE', `${NAMESPACE}/${path}`);
const bind = async (source: string, to: string, more: object = {}): Promise<string> => {
  const [kind, name] = to.split('/');
  const path = `${NAMESPACE}/exchanges/${source}/bindings`;
  const reply = await broker.call<{ id: string }>('POST', path, { destination: { kind, name }, ...more });
  expect([200, 201]).toContain(reply.status);
  return reply.body.id;
};
const publish = (
  exchange: string,
  messages: object[],
  headers: Record<string, string> = {},
): Promise<Reply<ExchangePublished & ProblemDocument>> =>
  broker.call('POST', `${NAMESPACE}/exchanges/${exchange}/messages`, { messages }, headers);

/** Where each message went, as `kind/name`, sorted. */
async function routed(exchange: string, messages: object[]): Promise<string[][]> {
  const { status, body } = await publish(exchange, messages);
  expect(status).toBe(200);
  return body.messages.map(({ destinations }) =>
    destinations.map(({ kind, name }) => `${kind}/${name}`).toSorted(),
  );
}
const keyed = (...keys: string[]): object[] =>
  keys.map((routing_key) => ({ routing_key, body: routing_key }));

const drain = (queue: string): Promise<unknown[]> => drainQueue(broker, `${NAMESPACE}/queues/${queue}`);

describe('a publish', () => {
  it('goes to queues and topics alike, by the patterns of a topic exchange', async () => {
    await put('exchanges/orders', { type: 'topic' });
    await put('queues/created');
    await put('queues/asia');
    await broker.declare('audit', { partitions: 3 });
    await bind('orders', 'queue/created', { routing_key: 'orders.*' });
    await bind('orders', 'queue/asia', { routing_key: 'orders.asia.#' });
    await bind('orders', 'topic/audit', { routing_key: 'orders.#' });
    expect(
      await routed(
        'orders',
        keyed('orders.created', 'orders.asia.vietnam.created', 'orders', 'users.created'),
      ),
    ).toEqual([['queue/created', 'topic/audit'], ['queue/asia', 'topic/audit'], ['topic/audit'], []]);
    expect(await drain('created')).toEqual(['orders.created']);
    expect(await drain('asia')).toEqual(['orders.asia.vietnam.created']);
    const stored = await Promise.all([0, 1, 2].map((partition) => broker.fetch('audit', partition)));
    expect(stored.flatMap(({ body }) => body.records.map(({ value }) => value))).toEqual([
      'orders.created',
      'orders.asia.vietnam.created',
      'orders',
    ]);
  });

  it('says where in a topic a message is, and keeps a key in its partition', async () => {
    await put('exchanges/keys', { type: 'fanout' });
    await broker.declare('by-key', { partitions: 5 });
    await bind('keys', 'topic/by-key');
    const messages = Array.from({ length: 20 }, (_, n) => ({
      body: n,
      properties: { ordering_key: `key-${n % 4}` },
    }));
    const { body } = await publish('keys', messages);
    const direct = await broker.produce('by-key', [{ key: 'key-1', value: 'direct' }]);
    for (const [n, { destinations }] of body.messages.entries()) {
      const { partition, offset } = destinations[0]!;
      const { body: found } = await broker.fetch('by-key', partition!, `offset=${offset}&max_records=1`);
      expect(found.records[0]).toMatchObject({ value: n, key: `key-${n % 4}` });
      if (n % 4 === 1) expect(partition).toBe(direct.body.offsets[0]!.partition);
    }
  });

  it('puts one copy into a queue, however many bindings and exchanges lead there', async () => {
    await put('queues/once');
    await put('exchanges/ring-a', { type: 'topic' });
    await put('exchanges/ring-b', { type: 'fanout' });
    for (const routing_key of ['#', 'a.*', '*.b', 'a.b']) await bind('ring-a', 'queue/once', { routing_key });
    await bind('ring-a', 'exchange/ring-b', { routing_key: '#' });
    await bind('ring-b', 'exchange/ring-a');
    await bind('ring-b', 'queue/once');
    expect(await routed('ring-a', keyed('a.b'))).toEqual([['queue/once']]);
    expect(await drain('once')).toEqual(['a.b']);
  });

  it('is matched by headers as text', async () => {
    await put('queues/pdf');
    await put('queues/any');
    await bind('amq.headers', 'queue/pdf', { arguments: { format: 'pdf', pages: 5 } });
    await bind('amq.headers', 'queue/any', { arguments: { 'x-match': 'any', format: 'pdf', urgent: true } });
    expect(
      await routed('amq.headers', [
        { body: 1, headers: { format: 'pdf', pages: '5' } },
        { body: 2, headers: { format: 'doc', urgent: 'true' } },
        { body: 3, headers: { format: 'doc' } },
      ]),
    ).toEqual([['queue/any', 'queue/pdf'], ['queue/any'], []]);
  });

  it('goes to the queue of that name through the default exchange', async () => {
    await put('queues/by-name');
    expect(await routed('amq.default', keyed('by-name', 'no-queue'))).toEqual([['queue/by-name'], []]);
    expect(await drain('by-name')).toEqual(['by-name']);
  });

  it('goes to the alternate exchange where no binding takes it', async () => {
    await put('queues/stray');
    await put('exchanges/rest', { type: 'fanout' });
    await bind('rest', 'queue/stray');
    await put('exchanges/picky', { type: 'direct', alternate_exchange: 'rest' });
    await put('queues/picked');
    await bind('picky', 'queue/picked', { routing_key: 'yes' });
    expect(await routed('picky', keyed('yes', 'no'))).toEqual([['queue/picked'], ['queue/stray']]);
  });

  it('tells which mandatory messages nobody took', async () => {
    await put('exchanges/empty');
    const { status, body } = await publish('empty', [
      { routing_key: 'a', body: 1, mandatory: true },
      { routing_key: 'a', body: 2 },
    ]);
    expect([status, body.messages]).toEqual([
      200,
      [{ destinations: [], unroutable: true }, { destinations: [] }],
    ]);
  });

  it('keeps headers, properties and where it came from', async () => {
    await put('queues/whole');
    await bind('amq.direct', 'queue/whole', { routing_key: 'w' });
    const message = {
      routing_key: 'w',
      body: { $base64: 'AP8=' },
      headers: { a: ['1', '2'] },
      properties: { message_id: 'm-1', priority: 3, reply_to: 'answers' },
    };
    await publish('amq.direct', [message]);
    const { body } = await broker.call<{ deliveries: object[] }>(
      'POST',
      `${NAMESPACE}/queues/whole/deliveries`,
      { max: 1 },
    );
    expect(body.deliveries[0]).toMatchObject({
      body: message.body,
      headers: message.headers,
      properties: message.properties,
      exchange: 'amq.direct',
      routing_key: 'w',
    });
  });
});

describe('a publish of record batches', () => {
  const record = (key: string | null, routingKey: string | null): RecordInput => ({
    key: null,
    value: bytesOf(JSON.stringify(key)),
    timestamp: 5,
    headers: [
      { key: 'plain', value: bytesOf('text') },
      ...(routingKey === null ? [] : [{ key: ':routing-key', value: bytesOf(routingKey) }]),
    ],
  });
  const send = (bytes: Uint8Array, query = ''): Promise<Reply<ExchangeBatchesPublished & ProblemDocument>> =>
    broker.call('POST', `${NAMESPACE}/exchanges/raw/messages${query}`, bytes, {
      'content-type': RECORD_BATCH_TYPE,
    });

  it('is routed record by record', async () => {
    await put('exchanges/raw');
    await put('queues/raw-a');
    await put('queues/raw-empty');
    await bind('raw', 'queue/raw-a', { routing_key: 'a' });
    await bind('raw', 'queue/raw-empty');
    const bytes = encodeBatch([record('1', 'a'), record('2', null), record('3', 'b'), record('4', 'a')]);
    expect((await send(bytes, '?mandatory=true')).body).toEqual({ count: 4, unroutable: [2] });
    expect((await send(bytes)).body).toEqual({ count: 4, unroutable: [] });
    expect(await drain('raw-a')).toEqual(['1', '4', '1', '4']);
    expect(await drain('raw-empty')).toEqual(['2', '2']);
  });

  it('is refused whole where its bytes are damaged', async () => {
    const bytes = encodeBatch([record('1', 'a')]);
    bytes[bytes.length - 1]! ^= 1;
    expect((await send(bytes)).body).toMatchObject({ status: 400, code: 'corrupt_batch' });
    expect((await send(bytes.subarray(0, 70))).body).toMatchObject({ status: 400, code: 'truncated_batch' });
    const long = encodeBatch([record('1', 'k'.repeat(300))]);
    expect((await send(long)).body).toMatchObject({ status: 400, code: 'invalid_message', index: 0 });
    const soon = { ...record('2', 'a'), headers: [{ key: ':delay-ms', value: bytesOf('soon') }] };
    expect((await send(encodeBatch([soon]))).body).toMatchObject({ status: 400, code: 'invalid_message' });
    const urgent = { ...record('2', 'a'), headers: [{ key: ':priority', value: bytesOf('99') }] };
    expect((await send(encodeBatch([record('1', 'a'), urgent]))).body).toMatchObject({
      status: 400,
      code: 'invalid_message',
      index: 1,
    });
    expect(await drain('raw-a')).toEqual([]);
  });
});

describe('a publish that cannot be', () => {
  it('is refused before anything is stored', async () => {
    await put('exchanges/strict', { type: 'fanout' });
    await put('exchanges/inside', { internal: true });
    await put('queues/untouched');
    await broker.declare('compact', { cleanup_policy: 'compact' });
    await broker.declare('narrow', { max_batch_bytes: 1_024 });
    await bind('strict', 'queue/untouched');
    const good = { body: 1, properties: { ordering_key: 'k' } };
    const cases: [exchange: string, messages: object[], status: number, code: string][] = [
      ['nowhere', [good], 404, 'exchange_not_found'],
      ['inside', [good], 403, 'exchange_internal'],
      ['x'.repeat(300), [good], 400, 'invalid_name'],
      ['strict', [], 400, 'invalid_field'],
      ['strict', [good, {}], 400, 'invalid_field'],
      ['strict', [good, { body: { $base64: '?' } }], 400, 'invalid_message'],
      ['strict', [good, { body: 1, routing_key: 'x'.repeat(256) }], 400, 'invalid_field'],
      ['strict', [good, { body: 1, properties: { priority: 99 } }], 400, 'invalid_field'],
      ['strict', [good, { body: 'x'.repeat(1_100_000) }], 413, 'record_too_large'],
      ['strict', Array.from({ length: 10_001 }, () => good), 413, 'too_many_records'],
    ];
    for (const [exchange, messages, status, code] of cases) {
      const reply = await publish(exchange, messages);
      expect([reply.status, reply.body.code]).toEqual([status, code]);
    }
    const toCompact = await bind('strict', 'topic/compact');
    expect((await publish('strict', [good, { body: 2 }])).body).toMatchObject({
      code: 'key_required',
      index: 1,
      destination: { kind: 'topic', name: 'compact' },
    });
    await remove(`exchanges/strict/bindings/${toCompact}`);
    await bind('strict', 'topic/narrow');
    expect((await publish('strict', [good, { body: 'x'.repeat(2_000) }])).body).toMatchObject({
      code: 'record_too_large',
      index: 1,
    });
    expect(await drain('untouched')).toEqual([]);
    expect((await publish('strict', [good])).status).toBe(200);
  });

  it('in one destination is told for each message, and can be sent again', async () => {
    await put('exchanges/partly', { type: 'fanout' });
    await put('queues/full', { max_length: 1, overflow: 'reject-publish', dead_letter: 'none' });
    await put('queues/roomy', { dedup_window_ms: 60_000 });
    await bind('partly', 'queue/full');
    await bind('partly', 'queue/roomy');
    const messages = [1, 2].map((n) => ({ body: n, properties: { message_id: `m-${n}` } }));
    const { status, body } = await publish('partly', messages);
    expect([status, body]).toMatchObject([
      503,
      {
        code: 'publish_incomplete',
        retryable: true,
        messages: [
          {},
          {
            destinations: [{ kind: 'queue', name: 'roomy' }],
            failed: [{ kind: 'queue', name: 'full', code: 'queue_full' }],
          },
        ],
      },
    ]);
    expect(body.messages[0]!.destinations).toHaveLength(2);
    await drain('full');
    expect((await publish('partly', [messages[1]!])).status).toBe(200);
    expect(await drain('full')).toEqual([2]);
    expect(await drain('roomy')).toEqual([1, 2]);
  });
});

describe('what a router knows', () => {
  it('is its own changes at once', async () => {
    await put('exchanges/live', { type: 'direct' });
    await put('queues/live');
    for (let n = 0; n < 10; n++) {
      const id = await bind('live', 'queue/live', { routing_key: 'k' });
      expect(await routed('live', keyed('k'))).toEqual([['queue/live']]);
      await remove(`exchanges/live/bindings/${id}`);
      expect(await routed('live', keyed('k'))).toEqual([[]]);
    }
  });

  it('is a queue that was deleted and made again', async () => {
    await put('exchanges/reborn', { type: 'fanout' });
    await put('queues/reborn');
    await bind('reborn', 'queue/reborn');
    await publish('reborn', [{ body: 'old' }]);
    await remove('queues/reborn');
    expect(await routed('reborn', [{ body: 'lost' }])).toEqual([[]]);
    await put('queues/reborn');
    expect(await routed('reborn', [{ body: 'still unbound' }])).toEqual([[]]);
    await bind('reborn', 'queue/reborn');
    expect(await routed('reborn', [{ body: 'new' }])).toEqual([['queue/reborn']]);
    expect(await drain('reborn')).toEqual(['new']);
  });

  it("is another isolate's changes before long, and at once for who has seen them", async () => {
    await put('exchanges/far', { type: 'fanout' });
    await put('queues/far');
    // Straight to the object, past the router.
    const topology = await broker.broker.miniflare.getDurableObjectNamespace('TOPOLOGY', 'posthorn');
    const stub = topology.getByName('default') as unknown as {
      version(): Promise<number>;
      declareBindings(json: Uint8Array): Promise<{ topologyVersion: number }>;
    };
    await stub.version(); // the first call takes longer than a router trusts what it knows
    const bindElsewhere = async (source: string): Promise<number> => {
      const destination = { kind: 'queue', name: 'far' };
      const binding = { source, destination, routing_key: '', arguments: {} };
      return (await stub.declareBindings(new TextEncoder().encode(JSON.stringify([binding]))))
        .topologyVersion;
    };
    expect(await routed('far', keyed('k'))).toEqual([[]]);
    await bindElsewhere('far');
    let misses = 0;
    while ((await routed('far', keyed('k')))[0]!.length === 0) misses++;
    expect(misses).toBeGreaterThan(0);

    await put('exchanges/far-2', { type: 'fanout' });
    await routed('far-2', keyed('k'));
    const version = await bindElsewhere('far-2');
    const seen = { 'posthorn-topology-version': String(version) };
    expect((await publish('far-2', keyed('k'), seen)).body.messages[0]!.destinations).toHaveLength(1);
  });

  it('is asked for once, however many publish at once', async () => {
    await put('exchanges/crowd', { type: 'fanout' });
    await put('queues/crowd');
    await bind('crowd', 'queue/crowd');
    const replies = await Promise.all(Array.from({ length: 100 }, (_, n) => publish('crowd', [{ body: n }])));
    expect(replies.map(({ body }) => body.messages[0]!.destinations.length)).toEqual(Array(100).fill(1));
    expect(await drain('crowd')).toHaveLength(100);
  });

  it('outlives a restart', async () => {
    await put('exchanges/lasting', { type: 'fanout' });
    await put('queues/lasting');
    await bind('lasting', 'queue/lasting');
    await publish('lasting', [{ body: 1 }]);
    await broker.restart();
    expect(await routed('lasting', [{ body: 2 }])).toEqual([['queue/lasting']]);
    expect(await drain('lasting')).toEqual([1, 2]);
  });

  it('is not made of versions that do not exist', async () => {
    await put('exchanges/odd', { type: 'fanout' });
    for (const version of ['999999999', '-1', 'x', '1e99']) {
      const { status } = await publish('odd', [{ body: 1 }], { 'posthorn-topology-version': version });
      expect(status).toBe(200);
    }
  });
});
