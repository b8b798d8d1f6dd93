/** AMQP clients while calls of the broker are slow or fail: nothing is locked, stranded or cut off by that. */

import { connect, type Channel, type ChannelModel } from 'amqplib';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import { HoldingProxy } from '../../support/holding-proxy.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const MIB = 1024 * 1024;

let broker: TestBroker;
let proxy: HoldingProxy;
let server: AmqpServer;
const faults: unknown[] = [];
const connections: ChannelModel[] = [];
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'the proxy stands before its address' });
  proxy = await HoldingProxy.start(broker.url);
  server = await AmqpServer.start({ url: proxy.url, port: 0, onError: (error) => faults.push(error) });
});
afterEach(async () => {
  proxy.release();
  for (const connection of connections.splice(0)) await connection.close().catch(() => {});
  expect(faults).toEqual([]);
});
afterAll(async () => {
  await server?.stop();
  proxy?.stop();
  await broker?.stop();
});

async function newChannel(query = ''): Promise<{ connection: ChannelModel; channel: Channel }> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${server.port}${query}`);
  connection.on('error', () => {});
  connections.push(connection);
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  return { connection, channel };
}

const holdPuts = (): void => {
  proxy.judge = (method) => (method === 'PUT' ? 'hold' : 'pass');
};

const statusOf = async (queue: string): Promise<number> =>
  (await broker.call('GET', `/v1/default/queues/${queue}`)).status;

it('a connection that goes while it declares an exclusive queue leaves neither the queue nor a lock', async () => {
  const { connection, channel } = await newChannel();
  holdPuts();
  void channel.assertQueue('left', { exclusive: true }).catch(() => {});
  await expect.poll(() => proxy.held).toBe(1);
  connections.splice(connections.indexOf(connection), 1);
  (connection as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  const other = await newChannel();
  proxy.release();
  await expect.poll(() => statusOf('left')).toBe(404);
  await other.channel.assertQueue('left', { exclusive: true });
});

it('one of two connections that declare an exclusive queue at once gets it, and keeps it', async () => {
  const [first, second] = [await newChannel(), await newChannel()];
  holdPuts();
  const declared = [first, second].map(({ channel }) => channel.assertQueue('both', { exclusive: true }));
  const outcomes = Promise.allSettled(declared);
  await expect.poll(() => proxy.held).toBe(1);
  proxy.release();
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  await second.connection.close();
  expect(await statusOf('both')).toBe(200);
  await first.connection.close();
  await expect.poll(() => statusOf('both')).toBe(404);
});

it('a get that fails half-way gives its message back', async () => {
  const { channel } = await newChannel();
  await channel.assertQueue('got');
  channel.sendToQueue('got', Buffer.from('once'));
  const counted = async (): Promise<object> =>
    (await broker.call<{ state: object }>('GET', '/v1/default/queues/got')).body.state;
  await expect.poll(() => counted()).toMatchObject({ ready: 1 });
  proxy.judge = (method, path) => (method === 'GET' && path.endsWith('/queues/got') ? 'refuse' : 'pass');
  await expect(channel.get('got')).rejects.toThrow('403');
  await expect.poll(() => counted()).toMatchObject({ ready: 1, leased: 0 });
});

it('a get is one call, which says how many messages are left; the first of a queue, deleted or not, is two', async () => {
  const { connection } = await newChannel();
  const channel = await connection.createConfirmChannel();
  const fill = async (): Promise<void> => {
    await channel.assertQueue('counted');
    for (const body of ['a', 'b', 'c']) channel.sendToQueue('counted', Buffer.from(body));
    await channel.waitForConfirms();
  };
  /** @returns the body, how many are left, and the calls that it took */
  const got = async (): Promise<unknown[]> => {
    const calls: string[] = [];
    proxy.judge = (method, path) => (calls.push(`${method} ${path.split('/').at(-1)}`), 'pass');
    const message = await channel.get('counted', { noAck: true });
    proxy.judge = () => 'pass';
    const isAck = (call: string): boolean => call.endsWith('settlements');
    const counted = calls.filter((call) => !isAck(call));
    return message === false
      ? [null, counted]
      : [message.content.toString(), message.fields.messageCount, counted];
  };
  await fill();
  expect((await got()).slice(0, 2)).toEqual(['a', 2]); // it opens the keeper as well
  expect(await got()).toEqual(['b', 1, ['POST deliveries']]);
  await channel.deleteQueue('counted');
  await fill();
  expect((await got()).slice(0, 2)).toEqual(['a', 2]);
  expect(await got()).toEqual(['b', 1, ['POST deliveries']]);
  expect(await got()).toEqual(['c', 0, ['POST deliveries']]);
  expect((await got())[0]).toBeNull();
});

it('acknowledgements of gets gather, and hold nothing back that waits for them', async () => {
  const { connection } = await newChannel();
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('gathered');
  const messages = Array.from({ length: 20 }, (_, body) => ({ body, properties: { ordering_key: 'one' } }));
  const others = messages.map(({ body }) => ({ body }));
  await broker.call('POST', '/v1/default/queues/gathered/messages', { messages: others });
  expect(await channel.get('gathered', { noAck: true })).toBeTruthy(); // it opens the keeper as well
  let settled = 0;
  proxy.judge = (_, path) => ((settled += path.endsWith('/settlements') ? 1 : 0), 'pass');
  const startMs = performance.now();
  for (let at = 1; at < 20; at++) expect(await channel.get('gathered', { noAck: true })).toBeTruthy();
  // Each waits 20 ms for others.
  expect(settled).toBeLessThanOrEqual(1 + (performance.now() - startMs) / 20);
  await broker.call('POST', '/v1/default/queues/gathered/messages', { messages });
  for (let at = 0; at < 20; at++) {
    const message = await channel.get('gathered', { noAck: true });
    expect(message && message.content.toString()).toBe(String(at));
  }
  expect(await channel.get('gathered')).toBe(false);
  expect((await broker.call('GET', '/v1/default/queues/gathered')).body).toMatchObject({
    state: { ready: 0, leased: 0 },
  });
});

it('a client that is not read for a while is not taken for dead', async () => {
  const { connection } = await newChannel('?heartbeat=1');
  let hasEnded = false;
  connection.on('close', () => (hasEnded = true));
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('many');
  proxy.judge = (method, path) => (method === 'POST' && path.endsWith('/messages') ? 'hold' : 'pass');
  const MESSAGES = 11_000;
  for (let at = 0; at < MESSAGES; at++) channel.sendToQueue('many', Buffer.from('x'));
  await new Promise((resolve) => setTimeout(resolve, 4_000)); // twice the time after which a silent client is dead
  expect(hasEnded).toBe(false);
  proxy.release();
  await channel.waitForConfirms();
  const { state } = (await broker.call<{ state: { ready: number } }>('GET', '/v1/default/queues/many')).body;
  expect(state.ready).toBe(MESSAGES);
});

it('a client that publishes more than the broker takes is not read above 16 MiB, and everything is stored in the end', async () => {
  const accepted: Socket[] = [];
  const onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort === server.port) accepted.push(socket);
  };
  subscribe('net.server.socket', onSocket);
  const { connection } = await newChannel();
  unsubscribe('net.server.socket', onSocket);
  const socket = accepted[0]!;
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('large');
  proxy.judge = (method, path) => (method === 'POST' && path.endsWith('/messages') ? 'hold' : 'pass');
  const [count, body] = [60, Buffer.alloc(900_000)];
  for (let at = 0; at < count; at++) channel.sendToQueue('large', body);
  await vi.waitFor(() => expect(socket.isPaused()).toBe(true), { timeout: 20_000 });
  // One chunk of a socket and what its stream reads ahead come on top.
  expect(socket.bytesRead).toBeGreaterThan(16 * MIB);
  expect(socket.bytesRead).toBeLessThan(18 * MIB);
  proxy.release();
  await channel.waitForConfirms();
  const { state } = (await broker.call<{ state: { ready: number } }>('GET', '/v1/default/queues/large')).body;
  expect(state.ready).toBe(count);
});
