/** Quotas of streams: the rate of what they deliver, and how many may be open. */

import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import { deliveryCount, tagsOfFrame } from '../../../protocol/frames/delivery-frame.ts';
import { LockedBroker, ROOT } from './support.ts';

const PER_S = 10;
const MESSAGES = 30;

let locked: LockedBroker;
beforeAll(async () => {
  locked = await LockedBroker.start();
});
afterAll(() => locked.broker.stop());

let spaces = 0;
async function space(quotas: object): Promise<string> {
  const namespace = `streams${++spaces}`;
  await locked.namespace(namespace);
  await locked.call('PUT', `/v1/${namespace}/queues/jobs`, {});
  await locked.call('PATCH', `/admin/v1/namespaces/${namespace}`, { quotas });
  return namespace;
}
const publish = (namespace: string, count = 1) =>
  locked.call('POST', `/v1/${namespace}/queues/jobs/messages`, {
    messages: Array.from({ length: count }, (_, body) => ({ body })),
  });

/** A stream that notes when deliveries come, and what else comes. */
class Stream {
  readonly timesMs: number[] = [];
  readonly tags: string[] = [];
  readonly others: string[] = [];
  readonly socket: WebSocket;
  readonly #isAcking: boolean;

  constructor(namespace: string, credential: string, { query = '', isAcking = true } = {}) {
    this.#isAcking = isAcking;
    const url = `${locked.broker.url.replace('http', 'ws')}/v1/${namespace}/queues/jobs/stream`;
    this.socket = new WebSocket(`${url}?access_token=${credential}${query}`);
    this.socket.binaryType = 'arraybuffer';
    this.socket.addEventListener('message', ({ data }) => this.#take(data as ArrayBuffer | string));
  }

  async opened(): Promise<this> {
    if (this.socket.readyState !== WebSocket.OPEN)
      await new Promise((resolve) => this.socket.addEventListener('open', resolve, { once: true }));
    return this;
  }

  #take(data: ArrayBuffer | string): void {
    const tags = typeof data === 'string' ? tagsOfText(data) : tagsOfFrame(new Uint8Array(data));
    if (tags.length === 0) this.others.push(data as string);
    if (typeof data !== 'string') expect(deliveryCount(new Uint8Array(data))).toBe(tags.length);
    this.tags.push(...tags);
    this.timesMs.push(...tags.map(() => performance.now()));
    if (tags.length > 0 && this.#isAcking) this.socket.send(JSON.stringify({ ack: tags }));
  }
}

function tagsOfText(text: string): string[] {
  const { deliveries = [] } = JSON.parse(text) as { deliveries?: { delivery_tag: string }[] };
  return deliveries.map(({ delivery_tag: tag }) => tag);
}

/** What opening a stream is answered with, if it is no stream. */
async function refusalOf(
  namespace: string,
  credential: string,
): Promise<ProblemDocument & { after: string }> {
  return await new Promise((resolve, reject) => {
    const { hostname, port } = new URL(locked.broker.url);
    const headers = {
      authorization: `Bearer ${credential}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    };
    const sent = request({ hostname, port, path: `/v1/${namespace}/queues/jobs/stream`, headers });
    sent.on('error', reject);
    sent.on('upgrade', (_, socket) => {
      socket.destroy();
      reject(new Error('the stream was opened'));
    });
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () =>
        resolve({ ...(JSON.parse(text) as ProblemDocument), after: String(response.headers['retry-after']) }),
      );
    });
    sent.end();
  });
}

describe('the rate of deliveries', () => {
  it.each([
    ['a namespace, by a token', 'namespace', false, ''],
    ['a namespace, by the root token', 'namespace', true, ''],
    ['a namespace, in binary frames', 'namespace', false, '&frames=binary'],
    ['a token', 'token', false, ''],
  ])('of %s holds for a stream', async (_, whose, isRoot, query) => {
    const quotas = { deliver_per_s: PER_S };
    const namespace = await space(whose === 'namespace' ? quotas : {});
    const own = whose === 'token' ? { quotas } : {};
    const { token } = await locked.token(namespace, { roles: ['consumer'], ...own } as never);
    const stream = await new Stream(namespace, isRoot ? ROOT : token, {
      query: `&prefetch=5${query}`,
    }).opened();
    const startMs = performance.now();
    await publish(namespace, MESSAGES);
    await expect.poll(() => stream.tags.length, { timeout: 20_000 }).toBe(MESSAGES);
    expect(new Set(stream.tags).size).toBe(MESSAGES);
    // One second's worth and one frame go at once. What is later than it should be is the machine's.
    for (const [nth, atMs] of stream.timesMs.entries()) {
      const leastMs = (1_000 * (nth + 1 - PER_S - 5)) / PER_S;
      expect(atMs - startMs).toBeGreaterThanOrEqual(0.9 * leastMs);
    }
    stream.socket.close();
  });

  it('holds back deliveries alone, and a prefetch that could not be handed out in time', async () => {
    const namespace = await space({ deliver_per_s: 0.01 });
    const stream = await new Stream(namespace, ROOT, { query: '&prefetch=1000', isAcking: false }).opened();
    await publish(namespace, 3);
    await expect.poll(() => stream.tags.length).toBe(1);
    stream.socket.send(JSON.stringify({ prefetch: 1_000 }));
    await expect.poll(() => stream.others).toEqual(['{"prefetch":1}']);
    stream.socket.send(JSON.stringify({ ack: stream.tags }));
    await expect.poll(() => stream.others.length).toBe(2);
    expect(stream.others[1]).toContain('settled');
    expect(stream.tags.length).toBe(1);
    const { body } = await locked.call<{ state: object }>('GET', `/v1/${namespace}/queues/jobs`);
    expect(body.state).toMatchObject({ ready: 1, leased: 1 });
    stream.socket.close();
  });
});

describe('connections', () => {
  it('of a namespace are counted, and free again when they end', async () => {
    const namespace = await space({ connections: 2 });
    const streams = [new Stream(namespace, ROOT), new Stream(namespace, ROOT)];
    for (const stream of streams) await stream.opened();
    const refused = await refusalOf(namespace, ROOT);
    expect(refused).toMatchObject({
      status: 429,
      code: 'quota',
      quota: 'connections',
      limit: 2,
      retryable: true,
    });
    expect(Number(refused.after)).toBeGreaterThanOrEqual(1);
    streams[0]!.socket.close();
    await expect
      .poll(() => refusalOf(namespace, ROOT).then(({ code }) => code, String))
      .toContain('the stream was opened');
    streams[1]!.socket.close();
  });

  it('of a token are its own', async () => {
    const namespace = await space({});
    const few = await locked.token(namespace, { roles: ['consumer'], quotas: { connections: 1 } } as never);
    const other = await locked.token(namespace, { roles: ['consumer'] });
    const first = await new Stream(namespace, few.token).opened();
    expect((await refusalOf(namespace, few.token)).quota).toBe('connections');
    const second = await new Stream(namespace, other.token).opened();
    for (const { socket } of [first, second]) socket.close();
  });

  it('may be none', async () => {
    const namespace = await space({ connections: 0 });
    expect(await refusalOf(namespace, ROOT)).toMatchObject({ code: 'quota', limit: 0 });
    expect((await locked.call('POST', `/v1/${namespace}/queues/jobs/deliveries`, { max: 1 })).status).toBe(
      200,
    );
  });
});
