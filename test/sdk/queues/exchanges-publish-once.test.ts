/** The publisher with sequences through an exchange: each destination stores a message once, whatever became of its requests. */

import { describe, expect, it } from 'vitest';
import type { PosthornError } from '../../../sdk/index.ts';
import {
  answer,
  brokerForTests,
  collect,
  dropReply,
  dropRequest,
  errorOf,
  numbers,
  spoiledFetchOf,
} from '../harness.ts';

const broker = brokerForTests();
const MESSAGES = /\/messages$/;

let exchanges = 0;
/** An exchange with a queue and a topic, both of which get everything. */
async function fanout(
  more: Parameters<typeof broker.queue>[0] = {},
): Promise<{ exchange: string; queue: string; topic: string }> {
  const exchange = `fan-${++exchanges}`;
  const [queue, topic] = [await broker.queue(more), await broker.topic()];
  const client = broker.client();
  await client.exchanges.declare(exchange, { type: 'fanout' });
  await client.exchanges.bind(exchange, { queue });
  await client.exchanges.bind(exchange, { topic });
  return { exchange, queue, topic };
}

const inQueue = async (queue: string): Promise<unknown[]> =>
  (await broker.client().queues.peek(queue, { max: 1_000 })).map(({ body }) => body);
const inTopic = async (topic: string): Promise<unknown[]> =>
  (await collect(broker.client().reader(topic, { from: 'earliest', follow: false }))).map((record) =>
    record.json(),
  );

describe('a message through an exchange is stored once in each destination', () => {
  for (const gzip of [false, true]) {
    it(`when replies and requests are lost, in order (gzip: ${gzip})`, async () => {
      const { exchange, queue, topic } = await fanout();
      const { fetch, produced } = spoiledFetchOf(
        MESSAGES,
        dropReply,
        undefined!,
        dropReply,
        dropReply,
        dropRequest,
      );
      await using publisher = broker.client({ fetch }).publisher({ lingerMs: 0, gzip, messageIds: false });
      const sent = [];
      for (const body of numbers(12)) {
        sent.push(publisher.publish(exchange, { body, mandatory: body % 2 === 0 }));
        await new Promise(setImmediate);
      }
      expect((await Promise.all(sent)).map(({ outcome }) => outcome)).toEqual(new Array(12).fill('stored'));
      expect(produced.length).toBeGreaterThan(3);
      expect(await inQueue(queue)).toEqual(numbers(12));
      expect(await inTopic(topic)).toEqual(numbers(12));
    });
  }

  it('while one of them is full, and is confirmed when that one has room', async () => {
    const { exchange, queue, topic } = await fanout({
      maxLength: 3,
      overflow: 'reject-publish',
      deadLetter: 'none',
    });
    const { queues } = broker.client();
    const taken: unknown[] = [];
    let isDone = false;
    const emptying = (async () => {
      while (!isDone) {
        const found = await inQueue(queue);
        taken.push(...found);
        if (found.length > 0) await queues.purge(queue);
      }
    })();
    const { fetch } = spoiledFetchOf(MESSAGES, dropReply, undefined!, dropReply);
    await using publisher = broker.client({ fetch }).publisher({ messageIds: false, destinations: true });
    const sent = await Promise.all(numbers(10).map((body) => publisher.publish(exchange, { body })));
    isDone = true;
    await emptying;
    taken.push(...(await inQueue(queue)));
    expect(taken).toEqual(numbers(10));
    expect(await inTopic(topic)).toEqual(numbers(10));
    for (const { destinations } of sent) expect(destinations).toHaveLength(2);
  });

  it('and is confirmed before its batch is, where all of its own destinations have it', async () => {
    const exchange = `partly-${++exchanges}`;
    const full = await broker.queue({ maxLength: 1, overflow: 'reject-publish', deadLetter: 'none' });
    const roomy = await broker.queue();
    const client = broker.client();
    await client.exchanges.declare(exchange, { type: 'direct' });
    await client.exchanges.bind(exchange, { queue: full }, { routingKey: 'a' });
    await client.exchanges.bind(exchange, { queue: roomy }, { routingKey: 'b' });
    const publisher = client.publisher({ deliveryTimeoutMs: 1_500, messageIds: false });
    const sent = ['a', 'a', 'b'].map((routingKey, body) => publisher.publish(exchange, { routingKey, body }));
    const settled = await Promise.allSettled(sent);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const late = (settled[1] as PromiseRejectedResult).reason as PosthornError;
    expect([late.code, publisher.unconfirmed]).toEqual(['timeout', 0]);
    // What is published next begins an epoch of its own.
    await publisher.publish(exchange, { routingKey: 'b', body: 3 });
    await publisher.close();
    expect([await inQueue(full), await inQueue(roomy)]).toEqual([[0], [2, 3]]);
  });

  it('and an earlier attempt that arrives late is not stored after what followed it', async () => {
    const { exchange, queue, topic } = await fanout();
    let late: (() => Promise<Response>) | undefined;
    const { fetch } = spoiledFetchOf(MESSAGES, (_request, pass) => {
      late = pass;
      throw new TypeError('connection reset');
    });
    await using publisher = broker.client({ fetch }).publisher({ messageIds: false });
    await publisher.publish(exchange, { body: 1 });
    await publisher.publish(exchange, { body: 2 });
    await late!();
    expect([await inQueue(queue), await inTopic(topic)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it('and what is refused for what it is fails alone, while the others go on', async () => {
    const { exchange, queue, topic } = await fanout();
    await broker.client().topics.declare(`narrow-${exchange}`, { maxBatchBytes: 1_024 });
    await broker.client().exchanges.bind(exchange, { topic: `narrow-${exchange}` });
    await using publisher = broker.client().publisher();
    const sent = [1, 'x'.repeat(2_000), 3].map((body) => publisher.publish(exchange, { body }));
    expect((await errorOf(sent[1]!)).code).toBe('record_too_large');
    await Promise.all([sent[0], sent[2]]);
    expect([await inQueue(queue), await inTopic(topic)]).toEqual([
      [1, 3],
      [1, 3],
    ]);
  });

  it('unless the publisher is told not to', async () => {
    const { exchange, queue, topic } = await fanout();
    const { fetch, requests } = spoiledFetchOf(MESSAGES, dropReply);
    await using publisher = broker
      .client({ fetch })
      .publisher({ delivery: 'at-least-once', messageIds: false });
    await publisher.publish(exchange, { body: 1 });
    expect([await inQueue(queue), await inTopic(topic)]).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(requests.some(({ url }) => url.pathname.endsWith('/producers'))).toBe(false);
  });
});

it('a mandatory message that nobody takes fails, also beside others and when it is sent again', async () => {
  const exchange = `mandatory-${++exchanges}`;
  const queue = await broker.queue();
  const client = broker.client();
  await client.exchanges.declare(exchange, { type: 'direct' });
  await client.exchanges.bind(exchange, { queue }, { routingKey: 'a' });
  const { fetch } = spoiledFetchOf(MESSAGES, dropReply, answer(503));
  await using publisher = broker.client({ fetch }).publisher();
  const sent = [
    publisher.publish(exchange, { routingKey: 'a', body: 1, mandatory: true }),
    publisher.publish(exchange, { routingKey: 'b', body: 2, mandatory: true }),
    publisher.publish(exchange, { routingKey: 'b', body: 3 }),
  ];
  expect((await errorOf(sent[1]!)).code).toBe('unroutable');
  expect((await Promise.all([sent[0], sent[2]])).map((one) => one!.outcome)).toEqual(['stored', 'stored']);
  expect(await inQueue(queue)).toEqual([1]);
});
