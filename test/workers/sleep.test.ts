/** Those who wait cost nothing meanwhile: the objects that they wait for leave memory, and answer after. */

import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Deliveries } from '../../protocol/schemas/deliveries.ts';
import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import type { RequestReply } from '../../protocol/schemas/requests.ts';
import { Posthorn } from '../../sdk/index.ts';
import { batchOf } from '../support/batches.ts';
import { TestBroker } from '../support/broker/test-broker.ts';
import { TestRequestSocket } from '../support/clients/request-socket.ts';
import { LockedBroker } from './access/support.ts';

let broker: TestBroker;
let locked: LockedBroker;
beforeAll(async () => {
  [broker, locked] = await Promise.all([
    TestBroker.start({ own: 'its objects leave memory by themselves' }),
    LockedBroker.start(),
  ]);
});
afterAll(() => Promise.all([broker.stop(), locked.broker.stop()]));

const NAMESPACE = '/v1/default';

const stateOf = async (queue: string): Promise<QueueWithStateReply['state']> =>
  (await broker.call<QueueWithStateReply>('GET', `${NAMESPACE}/queues/${queue}`)).body.state;
const mailboxStarts = async (): Promise<number> =>
  (await broker.call<number>('GET', '/test/mailbox-starts')).body;
const publish = (queue: string, body: unknown): Promise<unknown> =>
  broker.call('POST', `${NAMESPACE}/queues/${queue}/messages`, { messages: [{ body }] });

/**
 * Asks seldom: the runtime of this version keeps an object awake for ever if a call reaches it while it is accepting a
 * socket (workerd issue 6862, since mended in production). Asked without a pause, one in two streams did not sleep; asked
 * after the socket had opened, all of 12 did.
 */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    await delay(300);
    if (await condition()) return;
  }
  throw new Error('it did not happen');
}

/**
 * Waits until objects that only wait have left memory. The runtime looks every 10 s for objects that have been idle for 10 s; on a
 * busy machine it misses a look. A ping counts as use, and wakes nobody.
 * @param socket of a stream, if there is one
 * @returns when that was: an object that was in memory began before
 */
async function untilAsleep(of: TestBroker, socket?: WebSocket): Promise<number> {
  // The overview asks until nothing has changed any more: later it would wake them for that.
  for (let round = 0; round < 3; round++) await of.askObjects();
  socket?.send('ping');
  await delay(31_000);
  socket?.send('ping');
  await delay(500);
  return Date.now();
}

it.concurrent('a queue sleeps while polls, a stream and the consumer of the SDK wait, and a mailbox while a request does', async () => {
  const queues = ['polled', 'streamed', 'consumed', 'asked'];
  for (const queue of queues) await broker.call('PUT', `${NAMESPACE}/queues/${queue}`, {});

  // One after another, for the same reason.
  const polls = [];
  for (let waiting = 0; waiting < 3; waiting++) {
    const path = `${NAMESPACE}/queues/polled/deliveries`;
    polls.push(broker.call<Deliveries>('POST', path, { wait_ms: 100_000, auto_ack: true }));
    await until(async () => (await stateOf('polled')).consumers > waiting);
  }
  const socket = new WebSocket(`${broker.url.replace('http', 'ws')}${NAMESPACE}/queues/streamed/stream`);
  const pushed = new Promise<Deliveries>((resolve) =>
    socket.addEventListener('message', ({ data }) => {
      if (data !== 'pong') resolve(JSON.parse(data as string) as Deliveries);
    }),
  );
  await until(async () => (await stateOf('streamed')).consumers === 1);
  const handled = Promise.withResolvers<unknown>();
  const consumer = new Posthorn({ url: broker.url }).consumer('consumed', (message) => {
    handled.resolve(message.json());
  });
  await until(async () => (await stateOf('consumed')).consumers === 1);
  const reply = broker.call<RequestReply>('POST', `${NAMESPACE}/exchanges/amq.default/requests`, {
    routing_key: 'asked',
    body: 'why?',
    wait_ms: 100_000,
  });
  await until(async () => (await stateOf('asked')).ready === 1);
  const starts = await mailboxStarts();
  const wokenAt = await untilAsleep(broker, socket);

  for (const body of [1, 2, 3]) await publish('polled', body);
  for (const queue of ['streamed', 'consumed']) await publish(queue, queue);
  const polled = (await Promise.all(polls)).map(({ body }) => body.deliveries[0]!.body as number);
  expect(polled.toSorted()).toEqual([1, 2, 3]);
  expect((await pushed).deliveries[0]!.body).toBe('streamed');
  expect(await handled.promise).toBe('consumed');
  const asked = await broker.call<Deliveries>('POST', `${NAMESPACE}/queues/asked/deliveries`, {
    auto_ack: true,
  });
  const routing_key = asked.body.deliveries[0]!.properties.reply_to;
  expect(await mailboxStarts()).toBe(starts);
  await broker.call('POST', `${NAMESPACE}/exchanges/amq.default/messages`, {
    messages: [{ routing_key, body: 'because' }],
  });
  expect((await reply).body.reply.body).toBe('because');
  expect(await mailboxStarts(), 'the mailbox was out of memory').toBe(starts + 1);
  for (const queue of ['polled', 'streamed', 'consumed']) {
    const { since, rows_written: rows } = (await stateOf(queue)).meter;
    expect(since, `${queue} was out of memory`).toBeGreaterThanOrEqual(wokenAt);
    expect(rows, `${queue}: what it wrote since it woke`).toBeLessThanOrEqual(12);
  }
  await consumer.stop();
  socket.close();
}, 120_000);

it.concurrent('a queue sleeps while a stream of a token is open', async () => {
  const path = `${NAMESPACE}/queues/quiet`;
  const since = async (): Promise<number> =>
    (await locked.call<QueueWithStateReply>('GET', path)).body.state.meter.since;
  await locked.call('PUT', path, {});
  const { token } = await locked.token('default', { roles: ['consumer'] });
  const url = `${locked.broker.url.replace('http', 'ws')}${path}/stream?access_token=${token}`;
  const socket = new WebSocket(url);
  await once(socket, 'open');
  await delay(300); // see above
  const wokenAt = await untilAsleep(locked.broker, socket);
  expect(await since()).toBeGreaterThanOrEqual(wokenAt);
  expect(socket.readyState).toBe(WebSocket.OPEN);
  socket.close();
}, 120_000);

it.concurrent('a queue sleeps while a socket for its publishes is open, and takes what comes by it', async () => {
  await broker.call('PUT', `${NAMESPACE}/queues/published`, {});
  const address = `${broker.url}${NAMESPACE}/queues/published/messages/stream`;
  const socket = (await TestRequestSocket.open(address))!;
  const stored = { count: 1, exceptions: [] };
  expect(await socket.ask(1, batchOf([{ value: '1' }]))).toEqual({ id: 1, ...stored });
  const wokenAt = await untilAsleep(broker, socket.socket);
  expect([await socket.next(), await socket.next()]).toEqual([{ pong: true }, { pong: true }]);
  expect(await socket.ask(2, batchOf([{ value: '2' }]))).toEqual({ id: 2, ...stored });
  const { ready, meter } = await stateOf('published');
  expect(ready).toBe(2);
  expect(meter.since, 'the queue was out of memory').toBeGreaterThanOrEqual(wokenAt);
  socket.socket.close();
}, 120_000);
