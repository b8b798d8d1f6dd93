import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deliveries, SettledReply } from '../../protocol/deliveries.ts';
import type { QueueWithStateReply } from '../../protocol/queues.ts';
import { TestBroker } from '../support/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const publish = (queue: string, count: number): Promise<unknown> =>
  broker.call('POST', `/v1/default/queues/${queue}/messages`, {
    messages: Array.from({ length: count }, (_, body) => ({ body })),
  });
const stateOf = async (queue: string): Promise<QueueWithStateReply['state']> =>
  (await broker.call<QueueWithStateReply>('GET', `/v1/default/queues/${queue}`)).body.state;

/** A stream whose messages are read one after another. */
class Stream {
  readonly #socket: WebSocket;
  readonly #messages: unknown[] = [];
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      this.#messages.push(JSON.parse(data as string));
      this.#wake();
    });
  }

  static async open(queue: string, query = ''): Promise<Stream> {
    const socket = new WebSocket(
      `${broker.url.replace('http', 'ws')}/v1/default/queues/${queue}/stream?${query}`,
    );
    const stream = new Stream(socket);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    return stream;
  }

  async next<Message = Deliveries>(): Promise<Message> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#messages.shift() as Message;
  }

  send(fields: object | string): void {
    this.#socket.send(typeof fields === 'string' ? fields : JSON.stringify(fields));
  }

  close(): void {
    this.#socket.close();
  }
}

describe('a stream of a queue', () => {
  it('pushes within the prefetch, and more as deliveries are settled', async () => {
    await broker.call('PUT', '/v1/default/queues/pushed', {});
    const stream = await Stream.open('pushed', 'prefetch=2');
    await publish('pushed', 5);
    const { deliveries } = await stream.next();
    expect(deliveries.map(({ body }) => body)).toEqual([0, 1]);
    expect(await stateOf('pushed')).toMatchObject({ ready: 3, leased: 2, consumers: 1 });
    stream.send({ id: 7, ack: deliveries.map(({ delivery_tag }) => delivery_tag) });
    const first = await stream.next<object>();
    const second = await stream.next<object>();
    const [answer, more] = 'results' in first ? [first, second] : [second, first];
    expect(answer as SettledReply & { id: number }).toMatchObject({
      id: 7,
      results: [{ outcome: 'settled' }, { outcome: 'settled' }],
    });
    expect((more as Deliveries).deliveries.map(({ body }) => body)).toEqual([2, 3]);
    stream.close();
  });

  it('gives back what its consumer held when it ends', async () => {
    await broker.call('PUT', '/v1/default/queues/left', {});
    await publish('left', 3);
    const stream = await Stream.open('left');
    expect((await stream.next()).deliveries).toHaveLength(3);
    stream.close();
    let state = await stateOf('left');
    for (let tries = 0; state.leased > 0 && tries < 50; tries++) state = await stateOf('left');
    expect(state).toMatchObject({ ready: 3, leased: 0, consumers: 0 });
  });

  it('answers what is malformed with a code, and goes on', async () => {
    await broker.call('PUT', '/v1/default/queues/odd', {});
    const stream = await Stream.open('odd');
    for (const [text, code] of [
      ['{', 'malformed_json'],
      ['[]', 'invalid_field'],
      ['{"ack":7}', 'invalid_field'],
      ['{"colour":1}', 'invalid_field'],
    ] as const) {
      stream.send(text);
      const answer = await stream.next<{ code?: string; results?: unknown[] }>();
      if (text === '[]') expect(answer).toEqual({ results: [] });
      else expect(answer.code, text).toBe(code);
    }
    await publish('odd', 1);
    expect((await stream.next()).deliveries).toHaveLength(1);
    stream.close();
  });

  it('is not to be had without an upgrade', async () => {
    const { status, body } = await broker.call('GET', '/v1/default/queues/odd/stream');
    expect([status, body.code]).toEqual([426, 'upgrade_required']);
  });

  it('deletes a queue with auto_delete when the last one ends', async () => {
    await broker.call('PUT', '/v1/default/queues/passing', { auto_delete: true });
    const stream = await Stream.open('passing');
    stream.close();
    let status = 200;
    for (let tries = 0; status === 200 && tries < 100; tries++) {
      status = (await broker.call('GET', '/v1/default/queues/passing')).status;
    }
    expect(status).toBe(404);
  });
});
