/** The producer, and publishes through exchanges, by a socket: nothing is lost or stored twice, whatever becomes of the socket. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Posthorn, type Producer, type ReceivedRecord } from '../../../sdk/index.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { FAST_RETRY, numbers, readAll, until } from '../harness.ts';

let broker: TestBroker;
let proxy: CuttingProxy;
let direct: Posthorn;
let posthorn: Posthorn;
let topics = 0;
let topic: string;

beforeAll(async () => {
  broker = await TestBroker.start();
  direct = new Posthorn({ url: broker.url });
});
afterAll(() => broker.stop());
beforeEach(async () => {
  proxy = await CuttingProxy.start(broker.url);
  posthorn = new Posthorn({ url: proxy.url, retry: FAST_RETRY, timeoutMs: 5_000 });
  topic = `by-socket-${++topics}`;
  await direct.topics.declare(topic, { partitions: 2 });
});
afterEach(() => proxy.stop());

/** Sends one record after the other until one of them goes by the socket. @returns how many it has sent */
async function untilBySocket(send: (value: number) => Promise<unknown>): Promise<number> {
  let count = 0;
  for (let posts = -1; posts !== proxy.posts; count++) {
    await until(() => count < 2 || proxy.openLinks > 0);
    posts = proxy.posts;
    await send(count);
  }
  return count;
}

const valuesOf = async (partition: number): Promise<unknown[]> =>
  (await readAll(direct, topic)).filter((record) => record.partition === partition).map(valueOf);
const valueOf = (record: ReceivedRecord): unknown => record.json();

async function producerWithSocket(): Promise<[Producer, number]> {
  const producer = posthorn.producer({ connection: 'socket' });
  return [producer, await untilBySocket((value) => producer.send(topic, { value, partition: 0 }))];
}

describe('a producer by a socket', () => {
  it('gets the offsets of its records, to each partition of the topic', async () => {
    const [producer, count] = await producerWithSocket();
    const before = proxy.posts;
    expect(await producer.send(topic, { value: 'a', partition: 0 })).toMatchObject({
      partition: 0,
      offset: count,
    });
    expect(await producer.send(topic, { value: 'b', partition: 1 })).toMatchObject({
      partition: 1,
      offset: 0,
    });
    const both = await producer.sendBatch(topic, [
      { value: 'c', partition: 0 },
      { value: 'd', partition: 1 },
    ]);
    expect(both.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, count + 1],
      [1, 1],
    ]);
    expect([proxy.posts, proxy.links.length]).toEqual([before, 1]);
    await producer.close();
    await until(() => proxy.openLinks === 0);
  });

  it('sends what would wait behind another request alone', async () => {
    const [producer, count] = await producerWithSocket();
    const held = Promise.withResolvers<void>();
    proxy.down = async (chunk) => {
      await held.promise;
      return chunk;
    };
    let frames = 0;
    proxy.up = (chunk) => ((frames += 1), chunk);
    const first = producer.send(topic, { value: count, partition: 0 });
    await until(() => frames > 0);
    await producer.send(topic, { value: 'beside', partition: 1 });
    held.resolve();
    await first;
    expect(await valuesOf(1)).toEqual(['beside']);
    await producer.close();
  });

  it('stores all once and in order while sockets are cut', async () => {
    const [producer, count] = await producerWithSocket();
    let frames = 0;
    proxy.up = (chunk, link) => (++frames % 3 === 0 ? (link.cut(), null) : chunk);
    proxy.down = (chunk, link) => (frames % 4 === 0 ? (link.cut(), null) : chunk);
    const sent: Promise<unknown>[] = [];
    for (const value of numbers(200, count)) {
      sent.push(producer.send(topic, { value, partition: 0 }));
      if (value % 5 === 0) await sent.at(-1);
    }
    await Promise.all(sent);
    expect(await valuesOf(0)).toEqual(numbers(count + 200));
    await producer.close();
  });

  it('goes on in a topic that was made again', async () => {
    const [producer] = await producerWithSocket();
    await direct.topics.delete(topic);
    await direct.topics.declare(topic, { partitions: 2 });
    await producer.send(topic, { value: 'new', partition: 0 });
    expect(await valuesOf(0)).toEqual(['new']);
    await producer.close();
  });
});

describe('a publisher to an exchange by a socket', () => {
  it('stores all once in each destination while sockets are cut, and hears what is unroutable', async () => {
    const exchange = `by-socket-${topics}`;
    await direct.exchanges.declare(exchange, { type: 'direct' });
    for (const queue of [`${exchange}-a`, `${exchange}-b`]) {
      await direct.queues.declare(queue);
      await direct.exchanges.bind(exchange, { queue }, { routingKey: 'x' });
    }
    const publisher = posthorn.publisher({ connection: 'socket', destinations: true });
    const send = (body: number | string, routingKey = 'x'): ReturnType<typeof publisher.publish> =>
      publisher.publish(exchange, { routingKey, body, mandatory: true });
    const count = await untilBySocket(send);
    const before = proxy.posts;
    expect((await send('y')).destinations).toHaveLength(2);
    await expect(send('z', 'nowhere')).rejects.toMatchObject({ code: 'unroutable' });
    expect(proxy.posts).toBe(before);
    let frames = 0;
    proxy.up = (chunk, link) => (++frames % 3 === 0 ? (link.cut(), null) : chunk);
    proxy.down = (chunk, link) => (frames % 4 === 0 ? (link.cut(), null) : chunk);
    for (const body of numbers(40, 100)) await send(body);
    for (const queue of [`${exchange}-a`, `${exchange}-b`]) {
      const bodies = (await direct.queues.peek(queue, { max: 1_000 })).map(({ body }) => body);
      expect(bodies).toEqual([...numbers(count), 'y', ...numbers(40, 100)]);
    }
    await publisher.close();
  });
});
