/** A queue with a single active consumer: the next takes over at once or at its time, without anything else happening. */

import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { QueueClient, tagsOf } from '../../support/clients/queue-client.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward' });
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

/** Longer than any test: what takes so long is not handed over by time. */
const LONG_MS = 60_000;
const WAIT_MS = 8_000;

const declare = (queue: string, fields: object = {}): Promise<unknown> =>
  queues.declare(queue, { single_active_consumer: true, lease_ms: 1_000, ...fields });
const publish = (queue: string, count: number): Promise<unknown> =>
  queues.publish(
    queue,
    Array.from({ length: count }, (_, body) => ({ body })),
  );
const path = (queue: string): string => `/v1/default/queues/${queue}`;

/** Takes one message as `a` and acknowledges it: `a` is the active one, and away. */
async function takeAndGo(queue: string, fields: object = {}): Promise<void> {
  const taken = await queues.take(queue, { max: 1, consumer_id: 'a', ...fields });
  expect(taken).toHaveLength(1);
  expect(await queues.settle(queue, { ack: tagsOf(taken) })).toEqual(['settled']);
}

/** The bodies that `b` gets while it waits. */
async function waitAsB(queue: string, first: () => unknown = () => {}): Promise<unknown[]> {
  const waiting = queues.take(queue, { consumer_id: 'b', wait_ms: LONG_MS });
  await queues.until(
    () => queues.state(queue),
    ({ consumers, ready }) => consumers > 0 || ready === 0,
  );
  await first();
  return (await waiting).map(({ body }) => body);
}

interface Stream {
  socket: WebSocket;
  bodies: unknown[];
  tags: string[];
  /** Resolves when so many bodies are there. */
  has(count: number): Promise<void>;
}

async function openStream(queue: string, query: string): Promise<Stream> {
  const socket = new WebSocket(`${broker.url.replace('http', 'ws')}${path(queue)}/stream?${query}`);
  const bodies: unknown[] = [];
  const tags: string[] = [];
  socket.addEventListener('message', ({ data }) => {
    const { deliveries = [] } = JSON.parse(data as string) as {
      deliveries?: { body: unknown; delivery_tag: string }[];
    };
    bodies.push(...deliveries.map(({ body }) => body));
    tags.push(...deliveries.map(({ delivery_tag }) => delivery_tag));
  });
  await once(socket, 'open');
  const has = async (count: number): Promise<void> => {
    await expect.poll(() => bodies.length, { timeout: WAIT_MS }).toBeGreaterThanOrEqual(count);
  };
  return { socket, bodies, tags, has };
}

describe('a consumer that polls, and goes', () => {
  it('is followed by one that waits when its grace is over', async () => {
    await declare('polls');
    await publish('polls', 2);
    await takeAndGo('polls');
    expect(await waitAsB('polls')).toEqual([1]);
  });

  it('keeps the role for no longer than the lease that it asked for, or the queue gives', async () => {
    await declare('own-lease', { lease_ms: LONG_MS });
    await publish('own-lease', 2);
    await takeAndGo('own-lease', { lease_ms: 1_000 });
    expect(await waitAsB('own-lease')).toEqual([1]);
    await declare('queue-lease');
    await publish('queue-lease', 2);
    await takeAndGo('queue-lease', { lease_ms: LONG_MS });
    expect(await waitAsB('queue-lease')).toEqual([1]);
    await declare('no-lease');
    await publish('no-lease', 2);
    expect(await queues.take('no-lease', { max: 1, consumer_id: 'a', auto_ack: true })).toHaveLength(1);
    expect(await waitAsB('no-lease')).toEqual([1]);
  });

  it('is followed when the lease ends of what it has not settled', async () => {
    await declare('crashed', { lease_ms: LONG_MS });
    await publish('crashed', 2);
    expect(await queues.take('crashed', { max: 1, consumer_id: 'a', lease_ms: 1_000 })).toHaveLength(1);
    expect(await waitAsB('crashed')).toEqual([0, 1]);
  });

  it('is followed when its own wait has ended with nothing', async () => {
    await declare('waited');
    await publish('waited', 1);
    await takeAndGo('waited');
    const waited = queues.take('waited', { consumer_id: 'a', wait_ms: 500 });
    await queues.until(
      () => queues.state('waited'),
      ({ consumers }) => consumers === 1,
    );
    const bodies = await waitAsB('waited', async () => {
      expect(await waited).toEqual([]);
      await publish('waited', 1);
    });
    expect(bodies).toEqual([0]);
  });
});

describe('a stream', () => {
  it('is followed at once when it closes, with what it had not settled', async () => {
    await declare('streams', { lease_ms: LONG_MS });
    const a = await openStream('streams', 'prefetch=1&consumer_id=a');
    await publish('streams', 2);
    await a.has(1);
    const b = await openStream('streams', 'prefetch=10&consumer_id=b');
    a.socket.close();
    await b.has(2);
    expect(b.bodies).toEqual([0, 1]);
    b.socket.close();
  });

  it('is followed at once when it takes no more and has settled what it had', async () => {
    await declare('stopping', { lease_ms: LONG_MS });
    const a = await openStream('stopping', 'prefetch=1&consumer_id=a');
    await publish('stopping', 2);
    await a.has(1);
    const b = await openStream('stopping', 'prefetch=10&consumer_id=b');
    a.socket.send(JSON.stringify({ ack: a.tags }));
    await a.has(2);
    a.socket.send(JSON.stringify({ ack: a.tags.slice(1) }));
    a.socket.send(JSON.stringify({ prefetch: 0 }));
    await publish('stopping', 1);
    await b.has(1);
    a.socket.close();
    b.socket.close();
  });

  it('is followed when its leases end, though it stays', async () => {
    await declare('stuck');
    const a = await openStream('stuck', 'prefetch=10&consumer_id=a');
    await publish('stuck', 2);
    await a.has(2);
    const b = await openStream('stuck', 'prefetch=10&consumer_id=b');
    await b.has(2);
    expect(b.bodies).toEqual([0, 1]);
    a.socket.close();
    b.socket.close();
  });
});

describe('a change of the queue', () => {
  it('serves who waits when the mode is turned off', async () => {
    await declare('off', { lease_ms: LONG_MS });
    await publish('off', 2);
    await takeAndGo('off');
    const change = (): unknown => broker.call('PATCH', path('off'), { single_active_consumer: false });
    expect(await waitAsB('off', change)).toEqual([1]);
  });

  it('serves who waits when a shorter lease ends the grace', async () => {
    await declare('shorter', { lease_ms: LONG_MS });
    await publish('shorter', 2);
    await takeAndGo('shorter');
    const change = (): unknown => broker.call('PATCH', path('shorter'), { lease_ms: 1_000 });
    expect(await waitAsB('shorter', change)).toEqual([1]);
  });

  it('serves one at a time from when the mode is turned on', async () => {
    await declare('on', { single_active_consumer: false, lease_ms: LONG_MS });
    await publish('on', 2);
    expect(await queues.take('on', { max: 1, consumer_id: 'a' })).toHaveLength(1);
    await broker.call('PATCH', path('on'), { single_active_consumer: true });
    expect(await queues.take('on', { consumer_id: 'b' })).toEqual([]);
    expect(await queues.take('on', { consumer_id: 'a' })).toHaveLength(1);
  });

  it('serves who waits when the queue is resumed', async () => {
    await declare('paused');
    await broker.call('POST', `${path('paused')}/pause`);
    await publish('paused', 1);
    const resume = (): unknown => broker.call('POST', `${path('paused')}/resume`);
    expect(await waitAsB('paused', resume)).toEqual([0]);
  });
});

describe('a consumer that polls without a name', () => {
  const refusal = { status: 400, body: expect.objectContaining({ code: 'consumer_id_required' }) };

  it('is refused, because two of them could not be told apart', async () => {
    await declare('unnamed');
    expect(await broker.call('POST', `${path('unnamed')}/deliveries`, {})).toMatchObject(refusal);
    expect(await broker.call('POST', `${path('unnamed')}/deliveries`, { auto_ack: true })).toMatchObject(
      refusal,
    );
    const streams = await Promise.all([openStream('unnamed', ''), openStream('unnamed', '')]);
    await publish('unnamed', 2);
    await expect.poll(() => streams.map(({ bodies }) => bodies.length).sort()).toEqual([0, 2]);
    for (const { socket } of streams) socket.close();
  });

  it('is refused from when the mode is turned on, also one that waits', async () => {
    await queues.declare('turned-on', {});
    const waiting = broker.call('POST', `${path('turned-on')}/deliveries`, { wait_ms: WAIT_MS });
    await queues.until(
      () => queues.state('turned-on'),
      ({ consumers }) => consumers === 1,
    );
    await broker.call('PATCH', path('turned-on'), { single_active_consumer: true });
    expect(await waiting).toMatchObject(refusal);
  });
});

/** Last: the clock of the broker is ahead afterwards, and alarms come later. */
describe('the active consumer', () => {
  it('keeps the role while it waits', async () => {
    await declare('keeps');
    await publish('keeps', 1);
    await takeAndGo('keeps');
    const again = queues.take('keeps', { consumer_id: 'a', wait_ms: WAIT_MS });
    const other = queues.take('keeps', { consumer_id: 'b', wait_ms: 2_500 });
    await queues.until(
      () => queues.state('keeps'),
      ({ consumers }) => consumers === 2,
    );
    await broker.advance(5_000);
    await publish('keeps', 1);
    expect(await again).toHaveLength(1);
    expect(await other).toEqual([]);
  });
});
