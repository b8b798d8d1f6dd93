/** Sockets for requests: each frame is answered as the request would be, in order, and none does what a request may not. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeRequestFrame } from '../../../protocol/frames/request-frame.ts';
import { REQUEST_SOCKET_FRAMES_MAX, REQUEST_SOCKET_WAITING_MAX } from '../../../protocol/limits.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { batchOf } from '../../support/batches.ts';
import { TestRequestSocket } from '../../support/clients/request-socket.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let queues = 0;
beforeAll(async () => {
  broker = await TestBroker.start();
  const quotas = { quotas: { publish_per_s: 1_000_000 } };
  expect((await broker.call('PUT', '/admin/v1/namespaces/watched', quotas)).status).toBeLessThan(300);
});
afterAll(() => broker.stop());

/** A namespace whose sockets the queues accept, and one in which a quota counts, so that the router holds them. */
const NAMESPACES = ['default', 'watched'];
let namespace = 'default';

async function newQueue(fields: object = {}): Promise<string> {
  const queue = `of-sockets-${++queues}`;
  expect((await broker.call('PUT', `/v1/${namespace}/queues/${queue}`, fields)).status).toBe(201);
  return queue;
}

async function open(queue: string): Promise<TestRequestSocket> {
  return (await TestRequestSocket.open(`${broker.url}/v1/${namespace}/queues/${queue}/messages/stream`))!;
}

const valuesOf = async (queue: string): Promise<unknown[]> => {
  const path = `/v1/${namespace}/queues/${queue}/messages?max=1000`;
  const { body } = await broker.call<{ messages: { body: unknown }[] }>('GET', path);
  return body.messages.map((message) => message.body);
};

const one = (value: number): Uint8Array => batchOf([{ value: String(value) }]);

describe.each(NAMESPACES)('publishes to a queue on a socket of the namespace %s', (name) => {
  beforeEach(() => {
    namespace = name;
  });

  it('are answered in their order, each with its id', async () => {
    const queue = await newQueue();
    const socket = await open(queue);
    for (let value = 0; value < 20; value++) socket.request(1_000 - value, one(value));
    for (let value = 0; value < 20; value++)
      expect(await socket.next()).toEqual({ id: 1_000 - value, count: 1, exceptions: [] });
    expect(await valuesOf(queue)).toEqual(Array.from({ length: 20 }, (_, value) => value));
    socket.socket.close();
    await socket.closed;
  });

  it('are refused as the request is', async () => {
    const queue = await newQueue({ max_length: 1, overflow: 'reject-publish' });
    const socket = await open(queue);
    const corrupt = one(1);
    corrupt[corrupt.length - 1]! ^= 1;
    const requests: [string, Uint8Array][] = [
      ['', new Uint8Array()],
      ['', corrupt],
      ['', one(1).subarray(0, 30)],
      ['delivery=exactly-once', one(1)],
      ['delivery=twice', one(1)],
      ['unknown=1', one(1)],
      ['', batchOf([{ key: 'k'.repeat(2_000) }])],
      ['', batchOf([{ value: 'x'.repeat(1024 * 1024) }])],
      ['', new Uint8Array(17 * 1024 * 1024)],
      ['', one(1)],
      ['', one(2)],
    ];
    for (const [query, batches] of requests) {
      const { status, ...problem } = await socket.ask(7, batches, query);
      if (status === undefined) {
        expect(problem).toEqual({ id: 7, count: 1, exceptions: [] });
        continue;
      }
      const path = `/v1/${namespace}/queues/${queue}/messages?${query}`;
      const asked = await broker.call('POST', path, batches, { 'content-type': RECORD_BATCH_TYPE });
      const pauseS = asked.headers.get('retry-after');
      expect({ status, ...problem }).toEqual({
        id: 7,
        ...asked.body,
        ...(pauseS !== null && { retry_after_s: Number(pauseS) }),
      });
    }
    expect(await valuesOf(queue)).toEqual([1]);
    expect((await broker.call('DELETE', `/v1/${namespace}/queues/${queue}`)).status).toBe(200);
    if (namespace === 'watched') {
      expect(await socket.ask(8, one(1))).toMatchObject({ id: 8, code: 'queue_not_found', status: 404 });
      socket.socket.close();
    } else expect(await socket.closed).toEqual({ code: 4503, reason: 'open another socket' });
  });

  it('that are no frames are answered without an id, and the socket goes on', async () => {
    const socket = await open(await newQueue());
    socket.socket.send('ping');
    expect(await socket.next()).toEqual({ pong: true });
    for (const noise of ['{"id":1}', '', new Uint8Array(), new Uint8Array([0x81, 0, 0, 0, 1])]) {
      socket.socket.send(noise);
      const said = await socket.next();
      expect(said).toMatchObject({ code: 'invalid_frame', status: 400 });
      expect(said).not.toHaveProperty('id');
    }
    const cut = encodeRequestFrame({ id: 5, topologyVersion: 0, query: 'a=b', batches: one(1) }).slice(0, 16);
    socket.socket.send(cut);
    expect(await socket.next()).toMatchObject({ id: 5, code: 'invalid_frame' });
    expect(await socket.ask(6, one(1))).toEqual({ id: 6, count: 1, exceptions: [] });
    socket.socket.close();
  });

  it('end with the frame that is more than a socket takes', { timeout: 60_000 }, async () => {
    const socket = await open(await newQueue());
    for (let id = 1; id <= REQUEST_SOCKET_FRAMES_MAX; id++) {
      socket.request(id, new Uint8Array());
      if (id % 40 === 0)
        for (let back = 39; back >= 0; back--) expect((await socket.next()).id).toBe(id - back);
    }
    if (namespace === 'watched') socket.request(0, one(1));
    expect(await socket.closed).toEqual({ code: 4429, reason: 'open another socket' });
  });

  it('end where a client does not wait for answers', async () => {
    const queue = await newQueue();
    const socket = await open(queue);
    const frames = 4 * REQUEST_SOCKET_WAITING_MAX;
    for (let id = 0; id < frames; id++) socket.request(id, one(id));
    // A queue mostly answers as fast as it is told of frames.
    const isAllAnswered = (async () => {
      for (let id = 0; id < frames; id++) await socket.next();
    })();
    const isClosed = socket.closed.then((closed) =>
      expect(closed).toEqual({ code: 4429, reason: 'too much waits for an answer' }),
    );
    await (namespace === 'watched' ? isClosed : Promise.race([isAllAnswered, isClosed]));
    const stored = await valuesOf(queue);
    expect(stored).toEqual(stored.map((_, value) => value));
  });
});

describe('a socket for requests is not opened', () => {
  it('to a queue that does not exist', async () => {
    expect(await TestRequestSocket.open(`${broker.url}/v1/default/queues/none/messages/stream`)).toBeNull();
    const { body } = await broker.call('GET', '/v1/default/queues/none/messages/stream');
    expect(body).toMatchObject({ code: 'queue_not_found' });
  });

  it('by a request that is no upgrade', async () => {
    const { status, body } = await broker.call(
      'GET',
      `/v1/${namespace}/queues/${await newQueue()}/messages/stream`,
    );
    expect([status, body.code]).toEqual([426, 'upgrade_required']);
  });
});
