/** Traces: the context of a request goes into the messages that have none, and stays in them wherever they go. */

import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packBatches, recordSizeUpperBound } from '../../../protocol/record-batch/index.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { RECORD_BYTES_MAX } from '../../../protocol/limits.ts';
import { bytesOf } from '../../support/batches.ts';
import { QueueClient } from '../../support/clients/queue-client.ts';
import { TestRequestSocket } from '../../support/clients/request-socket.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const OWN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const TRACE = { traceparent: TRACEPARENT, tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' };

type Headers = Record<string, string> | undefined;

let broker: TestBroker;
let queues: QueueClient;
let names = 0;
let name: string;
beforeAll(async () => {
  broker = await TestBroker.start();
  queues = new QueueClient(broker);
});
beforeEach(() => {
  name = `t${++names}`;
});

const post = (path: string, body: unknown, headers: Record<string, string> = TRACE) =>
  broker.call<{ code?: string } & Record<string, unknown>>('POST', `/v1/default/${path}`, body, headers);

async function headersIn(queue: string): Promise<Headers[]> {
  const path = `/v1/default/queues/${queue}/messages?max=100`;
  const { body } = await broker.call<{ messages: { headers?: Record<string, string> }[] }>('GET', path);
  return body.messages.map(({ headers }) => headers);
}

async function headersInTopic(topic: string): Promise<Headers[]> {
  const { body } = await broker.fetch(topic, 0, 'offset=earliest');
  return body.records.map(({ headers }) => headers as Headers);
}

describe('the context of a request', () => {
  it('goes into the messages for a queue that have none of their own', async () => {
    await queues.declare(name);
    const messages = [
      { body: 1 },
      { body: 2, headers: { traceparent: OWN, x: '1' } },
      { body: 3, headers: { x: '2' } },
      { body: 4, headers: { Traceparent: OWN } },
    ];
    await post(`queues/${name}/messages`, { messages });
    expect(await headersIn(name)).toEqual([
      TRACE,
      { traceparent: OWN, x: '1' },
      { x: '2', ...TRACE },
      { Traceparent: OWN },
    ]);
  });

  it('goes into records, also where a record is a CloudEvent', async () => {
    await broker.declare(name, { partitions: 1 });
    await post(`topics/${name}/records`, {
      records: [{ value: 1 }, { value: 2, headers: { traceparent: OWN } }],
    });
    const event = { specversion: '1.0', id: '1', source: '/a', type: 't', data: 1 };
    await post(`events?topic=${name}`, event, { ...TRACE, 'content-type': 'application/cloudevents+json' });
    const [first, second, third] = await headersInTopic(name);
    expect([first, second]).toEqual([TRACE, { traceparent: OWN }]);
    expect(third).toMatchObject({ ...TRACE, ce_id: '1' });
  });

  it('goes through an exchange to queues and topics, and is nothing that the exchange looks at', async () => {
    await queues.declare(name);
    await broker.declare(name, { partitions: 1 });
    await broker.call('PUT', `/v1/default/exchanges/${name}`, { type: 'headers' });
    for (const kind of ['queue', 'topic']) {
      const binding = { destination: { kind, name }, arguments: { 'x-match': 'all', x: '1' } };
      expect((await post(`exchanges/${name}/bindings`, binding)).status).toBeLessThan(300);
    }
    await post(`exchanges/${name}/messages`, { messages: [{ body: 1, headers: { x: '1' } }] });
    expect(await headersIn(name)).toEqual([{ x: '1', ...TRACE }]);
    expect((await headersInTopic(name))[0]).toMatchObject(TRACE);
  });

  it('is left out where a topic would not take the record with it', async () => {
    await broker.declare(name, { partitions: 1, max_batch_bytes: 1_024 });
    await broker.call('PUT', `/v1/default/exchanges/${name}`, { type: 'fanout' });
    await post(`exchanges/${name}/bindings`, { destination: { kind: 'topic', name } });
    const [few, many] = ['x'.repeat(100), 'x'.repeat(860)];
    const sent = await post(`exchanges/${name}/messages`, { messages: [{ body: few }, { body: many }] });
    expect(sent.status, JSON.stringify(sent.body)).toBe(200);
    expect(await headersInTopic(name)).toMatchObject([TRACE, {}]);
    expect((await headersInTopic(name))[1]).not.toHaveProperty('traceparent');
    await broker.call(
      'PUT',
      `/v1/default/schedules/${name}`,
      { cron: '0 0 1 1 *', time_zone: 'UTC', target: { topic: name }, message: { body: 'x'.repeat(700) } },
      TRACE,
    );
    const done = await post(`schedules/${name}/trigger`, undefined, {
      traceparent: OWN,
      tracestate: `a=${'b'.repeat(250)}`,
    });
    expect(done.body).toMatchObject({ outcome: 'published' });
    expect((await headersInTopic(name))[2]).not.toHaveProperty('traceparent');
    const tooMuch = await post(`exchanges/${name}/messages`, { messages: [{ body: 'x'.repeat(1_024) }] });
    expect(tooMuch.body.code).toBe('record_too_large');
  });

  it('goes into messages that come as record batches, but not into the batches of a topic, which stay as they are', async () => {
    await queues.declare(name);
    await broker.declare(name, { partitions: 1 });
    await broker.call('PUT', `/v1/default/exchanges/${name}`, { type: 'fanout' });
    await post(`exchanges/${name}/bindings`, { destination: { kind: 'queue', name } });
    const own = [{ key: 'traceparent', value: bytesOf(OWN) }];
    const records = [
      { key: null, value: bytesOf('1'), timestamp: 1 },
      { key: null, value: bytesOf('2'), timestamp: 1, headers: own },
    ];
    const batches = packBatches(records, { bytesMax: 10_000 });
    const type = { ...TRACE, 'content-type': RECORD_BATCH_TYPE };
    for (const path of [`queues/${name}/messages`, `exchanges/${name}/messages`, `topics/${name}/records`])
      expect((await post(path, batches, type)).status).toBe(200);
    const expected = [TRACE, { traceparent: OWN }];
    expect(await headersIn(name)).toEqual([...expected, ...expected]);
    expect(await headersInTopic(name)).toEqual([undefined, { traceparent: OWN }]);
  });

  it('of the opening of a socket is not that of the messages on it, which bring their own', async () => {
    await queues.declare(name);
    const socket = await TestRequestSocket.open(`${broker.url}/v1/default/queues/${name}/messages/stream`);
    const own = [{ key: 'traceparent', value: bytesOf(OWN) }];
    const batches = packBatches([{ key: null, value: bytesOf('2'), timestamp: 1, headers: own }], {
      bytesMax: 10_000,
    });
    await socket!.ask(1, batches);
    socket!.socket.close();
    expect(await headersIn(name)).toEqual([{ traceparent: OWN }]);
  });

  it.each([
    ['no context', { traceparent: 'nonsense', tracestate: 'a=1' }, undefined],
    ['a trace of zeros', { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }, undefined],
    ['a state without a parent', { tracestate: 'a=1' }, undefined],
    ['a state that is wrong', { traceparent: TRACEPARENT, tracestate: '!' }, { traceparent: TRACEPARENT }],
  ])('is ignored where it is wrong, and the message is stored: %s', async (_, wrong, stored) => {
    await queues.declare(name);
    const { status } = await post(
      `queues/${name}/messages`,
      { messages: [{ body: 1 }] },
      wrong as Record<string, string>,
    );
    expect(status).toBe(200);
    expect(await headersIn(name)).toEqual([stored]);
  });

  it('stays away from a message that has just the largest size', async () => {
    await queues.declare(name);
    const overhead = recordSizeUpperBound({
      key: null,
      value: new Uint8Array(RECORD_BYTES_MAX),
      headers: [],
    });
    const body = 'x'.repeat(RECORD_BYTES_MAX - (overhead - RECORD_BYTES_MAX) - 2);
    expect((await post(`queues/${name}/messages`, { messages: [{ body }] })).status).toBe(200);
    expect(await headersIn(name)).toEqual([undefined]);
  });
});

describe('a message keeps its context', () => {
  it('when it is tried again, dies, is replayed and moves', async () => {
    await queues.declare(name, { retry: { schedule_ms: [0] } });
    await post(`queues/${name}/messages`, { messages: [{ body: 1 }] });
    const [first] = await queues.take(name);
    expect(first!.headers).toEqual(TRACE);
    await queues.settle(name, { nack: [{ tag: first!.delivery_tag }] });
    const [second] = await queues.until(
      () => queues.take(name),
      (taken) => taken.length > 0,
    );
    expect(second!.headers).toEqual(TRACE);
    await queues.settle(name, { reject: [{ tag: second!.delivery_tag }] });
    const [letter] = await queues.deadLettersOnce(name, 1);
    expect(letter!.original_message.headers).toEqual(TRACE);
    const other = { ...TRACE, traceparent: OWN };
    await post(`queues/${name}/dead-letters/replay`, {}, other);
    const [back] = await queues.until(
      () => headersIn(name),
      (found) => found.length > 0,
    );
    expect(back).toEqual(TRACE);
  });

  it('in a transaction', async () => {
    await queues.declare(name);
    const { body } = await post('producers', { transactional_id: name });
    const producer = { id: body['id'], epoch: body['epoch'] };
    const fields = { producer, sequence: 0, queue: name, messages: [{ body: 1 }] };
    expect((await post(`transactions/${name}/messages`, fields)).status).toBe(200);
    expect((await post(`transactions/${name}/commit`, { producer }, {})).status).toBe(200);
    const [stored] = await queues.until(
      () => headersIn(name),
      (found) => found.length > 0,
    );
    expect(stored).toEqual(TRACE);
  });

  it('of a schedule: its own, else that of the request that triggers it, else that of the one that declared it', async () => {
    await queues.declare(name);
    const path = `/v1/default/schedules/${name}`;
    const put = (headers: Record<string, string>, message: object = { body: 1 }) =>
      broker.call<Record<string, unknown>>(
        'PUT',
        path,
        { cron: '0 0 1 1 *', target: { queue: name }, message },
        headers,
      );
    const { body: first } = await put(TRACE);
    const { body: again } = await put({ traceparent: OWN });
    expect(again['topology_version']).toBe(first['topology_version']);
    expect(JSON.stringify(first)).not.toContain('trace');
    await post(`schedules/${name}/trigger`, undefined, {});
    await post(`schedules/${name}/trigger`, undefined, { traceparent: OWN });
    await put({}, { body: 1, headers: { traceparent: TRACEPARENT } });
    await post(`schedules/${name}/trigger`, undefined, { traceparent: OWN });
    expect(await headersIn(name)).toMatchObject([TRACE, { traceparent: OWN }, { traceparent: TRACEPARENT }]);
  });

  it('of a request, to whoever answers it', async () => {
    await queues.declare(name);
    const asked = post(`exchanges/amq.default/requests?wait_ms=5000`, { routing_key: name, body: 1 });
    const [request] = await queues.until(
      () => queues.take(name),
      (taken) => taken.length > 0,
    );
    expect(request!.headers).toEqual(TRACE);
    const { reply_to: replyTo } = request!.properties;
    await post('exchanges/amq.default/messages', { messages: [{ routing_key: replyTo, body: 2 }] }, {});
    expect((await asked).status).toBe(200);
  });
});
