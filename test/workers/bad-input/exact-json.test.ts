/** What is stored is what is read: values and bodies of users keep their text on every way through the broker. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JSON_DEPTH_MAX } from '../../../protocol/limits.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { computeCrc } from '../../../protocol/record-batch/header.ts';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../support/batches.ts';
import { QueueClient, tagsOf } from '../../support/clients/queue-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start();
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

const V1 = '/v1/default';

/** Every kind of text that JSON.parse and JSON.stringify would change, in one value. */
const EXACT = String.raw`{"id":9007199254740993,"2":1e400,"1":-0,"a":1.0,"a":0.1E+2,"__proto__":[1],"s":"\ud800\u00e9\/","deep":${'['.repeat(300)}${']'.repeat(300)}}`;

async function send(method: string, path: string, body: string | Uint8Array, type = 'application/json') {
  // A connection that carried megabytes may be closed when it has been idle: the next request gets one of its own.
  const connection: Record<string, string> = body.length > 1_000_000 ? { connection: 'close' } : {};
  const response = await fetch(`${broker.url}${V1}${path}`, {
    method,
    headers: { 'content-type': type, ...connection },
    ...(method === 'GET' ? {} : { body: body as BodyInit }),
  });
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') };
}

const read = async (path: string): Promise<string> => {
  const { status, text, type } = await send('GET', path, '');
  expect(status, text).toBe(200);
  expect(type).toBe('application/json');
  return text;
};
const post = async (path: string, body: string): Promise<string> => {
  const { status, text } = await send('POST', path, body);
  expect(status, text).toBeLessThan(300);
  return text;
};

describe('a value', () => {
  it('keeps its text in a topic, for every reader', async () => {
    await broker.declare('exact');
    await post('/topics/exact/records', `{"records": [{"value": ${EXACT} , "headers": {"a": "1"}}]}`);
    expect(await read('/topics/exact/partitions/0/records')).toContain(
      `"value":${EXACT},"headers":{"a":"1"}}`,
    );
    const { member_id: member } = JSON.parse(
      await post('/groups/exact/members', '{"topics": ["exact"], "auto_offset_reset": "earliest"}'),
    ) as { member_id: string };
    expect(await read(`/groups/exact/members/${member}/records?wait_ms=10000`)).toContain(`"value":${EXACT}`);
    await send('PUT', '/share-groups/exact', '{"topics": ["exact"]}');
    expect(await post('/share-groups/exact/records', '{"member_id": "m", "wait_ms": 10000}')).toContain(
      `"value":${EXACT}`,
    );
  });

  it('keeps its text in a queue, its dead letter, and what is made of that', async () => {
    await queues.declare('exact');
    await post('/queues/exact/messages', `{"messages": [{"body": ${EXACT}}]}`);
    expect(await read('/queues/exact/messages')).toContain(`"body":${EXACT}`);
    const delivered = await post('/queues/exact/deliveries', '{}');
    expect(delivered).toContain(`"body":${EXACT}`);
    const tag = /"delivery_tag":"([^"]+)"/.exec(delivered)![1]!;
    await post('/queues/exact/settlements', JSON.stringify({ reject: [{ tag }] }));
    const [letter] = await queues.deadLettersOnce('exact', 1);
    const letters = '/queues/exact/dead-letters';
    for (const path of [letters, `${letters}/${letter!.id}`])
      expect(await read(path)).toContain(`"body":${EXACT}`);
    const lines = (await send('GET', `${letters}/export`, '')).text.split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain(`"body":${EXACT}`);
    expect(lines[1]).toBe('{"count":1}');
    // Changed if that is asked for, and the rest stays; then replayed.
    await post(
      `${letters}/${letter!.id}/resend`,
      `{"message": {"headers": {"edited": "1"}}, "to": {"queue": "exact"}}`,
    );
    const again = await post('/queues/exact/deliveries', '{"wait_ms": 10000}');
    expect(again).toContain(`"body":${EXACT},"properties"`);
    const edited = EXACT.replace('9007199254740993', '9007199254740995');
    await queues.settle('exact', {
      reject: tagsOf((JSON.parse(again) as never)['deliveries']).map((one) => ({ tag: one })),
    });
    const [second] = await queues.deadLettersOnce('exact', 1);
    await post(`${letters}/${second!.id}/resend`, `{"message": {"body": ${edited}}}`);
    const last = await post('/queues/exact/deliveries', '{"wait_ms": 10000}');
    expect(last).toContain(`"body":${edited},"properties"`);
    expect(last).toContain('"headers":{"edited":"1"}');
  });

  it('with line ends in it takes one line of an export', async () => {
    await queues.declare('pretty');
    await post('/queues/pretty/messages', '{"messages": [{"body": {\n  "a":\r\n 1\n}}]}');
    const [delivery] = await queues.take('pretty');
    await queues.settle('pretty', { reject: [{ tag: delivery!.delivery_tag }] });
    await queues.deadLettersOnce('pretty', 1);
    const { text } = await send('GET', '/queues/pretty/dead-letters/export', '');
    expect(
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([{ original_message: { body: { a: 1 } } }, { count: 1 }]);
  });

  it('keeps its text through exchanges, transactions, streams, schedules, and as request and reply', async () => {
    await queues.declare('routed');
    await post(
      '/exchanges/amq.default/messages',
      `{"messages": [{"routing_key": "routed", "body": ${EXACT}}]}`,
    );
    expect(await read('/queues/routed/messages')).toContain(`"body":${EXACT}`);

    const { id, epoch } = JSON.parse(await post('/producers', '{"transactional_id": "exact"}')) as Record<
      string,
      number
    >;
    const producer = JSON.stringify({ id, epoch });
    await queues.declare('held');
    await post(
      '/transactions/exact/messages',
      `{"producer": ${producer}, "sequence": 0, "queue": "held", "messages": [{"body": ${EXACT}}]}`,
    );
    await post('/transactions/exact/commit', `{"producer": ${producer}}`);
    expect(await post('/queues/held/deliveries', '{"wait_ms": 10000}')).toContain(`"body":${EXACT}`);

    const stream = new WebSocket(`${broker.url.replace('http', 'ws')}${V1}/queues/routed/stream?prefetch=1`);
    const texts: string[] = [];
    const next = async (): Promise<string> => {
      while (texts.length === 0)
        await new Promise((resolve) => stream.addEventListener('message', resolve, { once: true }));
      return texts.shift()!;
    };
    stream.addEventListener('message', ({ data }) => texts.push(String(data)));
    expect(await next()).toContain(`"body":${EXACT}`);
    stream.send('{"ack": ["none"], "id": 9007199254740993}');
    expect(await next()).toContain('"id":9007199254740993,');
    stream.send(`{"id": ${'['.repeat(100_000)}`);
    expect(JSON.parse(await next())).toMatchObject({ code: 'malformed_json' });
    stream.close();

    const schedule = `{"cron": "0 0 1 1 *", "target": {"queue": "timed"}, "message": {"body": ${EXACT}}}`;
    await queues.declare('timed');
    const put = await send('PUT', '/schedules/exact', schedule);
    expect(put.status, put.text).toBe(201);
    expect((await send('PUT', '/schedules/exact', schedule)).status).toBe(200);
    for (const path of ['/schedules/exact', '/schedules'])
      expect(await read(path)).toContain(`"message":{"body":${EXACT}}`);
    await post('/schedules/exact/trigger', '');
    expect(await post('/queues/timed/deliveries', '{"wait_ms": 10000}')).toContain(`"body":${EXACT}`);

    await queues.declare('asked');
    const reply = post('/exchanges/amq.default/requests', `{"routing_key": "asked", "body": ${EXACT}}`);
    const asked = await post('/queues/asked/deliveries', '{"wait_ms": 10000}');
    expect(asked).toContain(`"body":${EXACT}`);
    const address = /"reply_to":"([^"]+)"/.exec(asked)![1]!;
    await post(
      '/exchanges/amq.default/messages',
      `{"messages": [{"routing_key": "${address}", "body": ${EXACT}}]}`,
    );
    expect(await reply).toContain(`"body":${EXACT}`);
  });
});

/** Produced as bytes, which may be anything. */
const produce = (topic: string, values: (Uint8Array | null)[]): Promise<unknown> =>
  broker.produceBatches(
    topic,
    '0',
    encodeBatch(
      values.map((value) => ({ key: null, value, timestamp: 1, headers: [{ key: 'deep', value: DEEP }] })),
    ),
  );
const DEEP = bytesOf('['.repeat(5_200) + ']'.repeat(5_200));
const base64 = (bytes: Uint8Array): { $base64: string } => ({
  $base64: Buffer.from(bytes).toString('base64'),
});

describe('what cannot be shown as JSON', () => {
  const HOSTILE = [DEEP, bytesOf('null'), bytesOf('{"$base64":"AAEC"}'), new Uint8Array([0xff])];

  it('is shown as bytes, beside its neighbours, and a tombstone is null', async () => {
    await broker.declare('hostile');
    await produce('hostile', [bytesOf('1'), ...HOSTILE, null, bytesOf('2')]);
    const { body } = await broker.fetch('hostile', 0);
    expect(body.records.map(({ value }) => value)).toEqual([1, ...HOSTILE.map(base64), null, 2]);
  });

  it('stops neither a queue nor its dead letters nor their export', async () => {
    await queues.declare('hostile', { retry: { schedule_ms: [] } });
    const bodies = [bytesOf('1'), ...HOSTILE, bytesOf('2')];
    const batch = encodeBatch(
      bodies.map((value) => ({ key: null, value, timestamp: 1, headers: [{ key: 'deep', value: DEEP }] })),
    );
    expect((await send('POST', '/queues/hostile/messages', batch, RECORD_BATCH_TYPE)).status).toBe(200);
    const shown = [1, ...HOSTILE.map(base64), 2];
    const deliveries = await queues.take('hostile');
    expect(deliveries.map(({ body }) => body)).toEqual(shown);
    await queues.settle('hostile', { reject: tagsOf(deliveries).map((tag) => ({ tag })) });
    const letters = await queues.deadLettersOnce('hostile', shown.length);
    expect(letters.map(({ original_message: { body } }) => body)).toEqual(shown);
    const { text } = await send('GET', '/queues/hostile/dead-letters/export', '');
    expect(JSON.parse(text.trimEnd().split('\n').at(-1)!)).toEqual({ count: shown.length });
  });
});

describe('a body that is too deep or too wide', () => {
  it.each([
    ['PUT', '/topics/never', '['.repeat(4_000_000)],
    ['POST', '/topics/exact/records', `{"records": [{"value": ${'{"a":'.repeat(1_000_000)}`],
    ['POST', '/queues/exact/messages', `{"messages": [{"body": ${'['.repeat(JSON_DEPTH_MAX)}`],
    ['POST', '/exchanges/amq.default/messages', '{"messages": '.repeat(1_000_000)],
    ['POST', '/queues/exact/settlements', '[{"a":'.repeat(1_000_000)],
    ['PUT', '/schedules/never', '[{"a":'.repeat(1_000_000)],
  ])('is refused before the time limit of a test: %s %s', async (method, path, body) => {
    const { status, text } = await send(method, path, body);
    expect({ status, ...(JSON.parse(text) as object) }).toMatchObject({
      status: 400,
      code: 'malformed_json',
      depth_max: JSON_DEPTH_MAX,
    });
  });

  it('is refused with one violation: a header of three million values', async () => {
    const wide = `{"a": [${'"",'.repeat(2_999_999)}""]}`;
    for (const [path, list, name] of [
      ['/topics/exact/records', 'records', 'value'],
      ['/queues/exact/messages', 'messages', 'body'],
    ] as const) {
      const { status, text } = await send('POST', path, `{"${list}": [{"${name}": 1, "headers": ${wide}}]}`);
      expect({ status, ...(JSON.parse(text) as object) }).toMatchObject({
        status: 400,
        code: 'invalid_field',
      });
      expect(text.length).toBeLessThan(1_000);
    }
  });
});

describe('a member named __proto__', () => {
  it('is a header or an argument like any other, and routes', async () => {
    await queues.declare('proto');
    await broker.call('PUT', `${V1}/exchanges/proto`, { type: 'headers' });
    const bound = await post(
      '/exchanges/proto/bindings',
      '{"destination": {"kind": "queue", "name": "proto"}, "arguments": {"x-match": "all", "__proto__": "yes"}}',
    );
    expect(bound).toContain('"__proto__":"yes"');
    await post(
      '/exchanges/proto/messages',
      '{"messages": [{"body": 1, "headers": {"__proto__": "yes"}}, {"body": 2, "headers": {"__proto__": "no"}}, {"body": 3}]}',
    );
    const delivered = await post('/queues/proto/deliveries', '{"max": 10}');
    expect(delivered).toContain('"headers":{"__proto__":"yes"}');
    expect((JSON.parse(delivered) as { deliveries: object[] }).deliveries).toHaveLength(1);
    await post('/topics/exact/records', '{"records": [{"value": 1, "headers": {"__proto__": ["a", null]}}]}');
    expect(await read('/topics/exact/partitions/0/records')).toContain('"headers":{"__proto__":["a",null]}');
  });

  it.each([
    ['PUT', '/queues/never', '{"__proto__": 1}'],
    ['POST', '/queues/exact/messages', '{"messages": [{"body": 1, "properties": {"__proto__": 1}}]}'],
    ['POST', '/topics/exact/records', '{"records": [{"value": 1, "__proto__": {}}]}'],
    ['POST', '/topics/exact/records', '{"records": [{"value": 1}], "__proto__": {"acks": "none"}}'],
  ])('is an unknown field elsewhere: %s %s %s', async (method, path, body) => {
    const { text } = await send(method, path, body);
    expect(JSON.parse(text)).toMatchObject({ code: 'unknown_field' });
  });
});

describe('half of a surrogate pair', () => {
  const half = String.raw`"\ud800"`;
  it.each([
    ['/topics/exact/records', `{"records": [{"value": 1, "key": ${half}}]}`],
    ['/topics/exact/records', `{"records": [{"value": 1, "headers": {${half}: "a"}}]}`],
    ['/topics/exact/records', `{"records": [{"value": 1, "headers": {"a": [${half}]}}]}`],
    ['/queues/exact/messages', `{"messages": [{"body": 1, "properties": {"message_id": ${half}}}]}`],
    ['/exchanges/amq.fanout/messages', `{"messages": [{"body": 1, "routing_key": ${half}}]}`],
    [
      '/exchanges/amq.headers/bindings',
      `{"destination": {"kind": "queue", "name": "exact"}, "arguments": {"a": ${half}}}`,
    ],
  ])('is refused: %s %s', async (path, body) => {
    const { status, text } = await send('POST', path, body);
    expect({ status, ...(JSON.parse(text) as object) }).toMatchObject({ status: 400, code: 'invalid_field' });
  });
});

describe('a header that is not UTF-8', () => {
  it('is refused in its name, and routes a message and its dead letter alike in its value', async () => {
    const misnamed = encodeBatch([
      { key: null, value: null, timestamp: 1, headers: [{ key: 'name', value: null }] },
    ]);
    misnamed[Buffer.from(misnamed).indexOf('name')] = 0xff;
    new DataView(misnamed.buffer, misnamed.byteOffset).setUint32(
      17,
      computeCrc(misnamed, 0, misnamed.length),
    );
    expect((await send('POST', '/topics/exact/records', misnamed, RECORD_BATCH_TYPE)).text).toContain(
      'not UTF-8',
    );
    await queues.declare('raw', { dead_letter: { exchange: 'raw-x' } });
    await broker.call('PUT', `${V1}/exchanges/raw-x`, { type: 'headers' });
    const binding = (name: string, argument: string): Promise<unknown> =>
      broker.call('POST', `${V1}/exchanges/raw-x/bindings`, {
        destination: { kind: 'queue', name },
        arguments: { a: argument },
      });
    for (const name of ['raw-present', 'raw-replaced']) await queues.declare(name);
    await broker.call('POST', `${V1}/exchanges/raw-x/bindings`, {
      destination: { kind: 'queue', name: 'raw-present' },
      arguments: { a: null },
    });
    await binding('raw-replaced', '\ufffd');
    const batch = encodeBatch([
      {
        key: null,
        value: bytesOf('1'),
        timestamp: 1,
        headers: [{ key: 'a', value: new Uint8Array([0xff]) }],
      },
    ]);
    expect((await send('POST', '/exchanges/raw-x/messages', batch, RECORD_BATCH_TYPE)).status).toBe(200);
    expect((await send('POST', '/queues/raw/messages', batch, RECORD_BATCH_TYPE)).status).toBe(200);
    const [delivery] = await queues.take('raw');
    await queues.settle('raw', { reject: [{ tag: delivery!.delivery_tag }] });
    await queues.until(
      () => queues.state('raw-present'),
      ({ ready }) => ready === 2,
    );
    expect(await queues.state('raw-replaced')).toMatchObject({ ready: 0 });
  });
});
