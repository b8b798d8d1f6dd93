/** A consumer that stops while messages come: at most once, nothing is lost that is not handled; and nothing listens on. */

import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { randomFrom } from '../crash/random.ts';
import { SEED } from '../support/seed.ts';
import { brokerForTests, numbers, until } from './harness.ts';

const broker = brokerForTests();

it('loses no message that comes while a consumer that settles at most once stops', async () => {
  const queue = await broker.queue({});
  const client = broker.client();
  await using publisher = client.publisher();
  const handled: number[] = [];
  const consume = () =>
    client.consumer(queue, (message) => void handled.push(message.json<number>()!), {
      delivery: 'at-most-once',
      waitMs: 20_000,
    });
  const rounds = 12;
  const random = randomFrom(SEED);
  for (let round = 0; round < rounds; round++) {
    const consumer = consume();
    await until(async () => (await client.queues.get(queue)).state.consumers === 1);
    const stopped = consumer.stop();
    await delay(random() * 20);
    await publisher.sendToQueue(queue, { body: round });
    await stopped;
  }
  const last = consume();
  await until(() => handled.length === rounds);
  await last.stop();
  expect(handled.toSorted((a, b) => a - b)).toEqual(numbers(rounds));
});

it('stops at once where its poll waits', async () => {
  const queue = await broker.queue({});
  const client = broker.client();
  const consumer = client.consumer(queue, () => {}, { transport: 'poll', waitMs: 60_000 });
  await until(async () => (await client.queues.get(queue)).state.consumers === 1);
  await consumer.stop();
  expect((await client.queues.get(queue)).state.consumers).toBe(0);
});

it('leaves no listener on the signal of a producer, publisher, consumer or reader that has ended', async () => {
  const { signal } = new AbortController();
  const client = broker.client();
  const queue = await broker.queue({});
  const topic = await broker.topic();
  await client.producer({ signal }).close();
  await client.publisher({ signal }).close();
  await client.transactionalProducer({ transactionalId: 'listens', signal }).close();
  const consumer = client.consumer(queue, () => {}, { signal });
  await consumer.stop();
  const group = client.consumer({ group: 'listens', topics: [topic], eachRecord: () => {}, signal });
  await group.stop();
  for await (const _ of client.reader(topic, { from: 'earliest', follow: false, signal })) break;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it.each(['stream', 'poll'] as const)(
  'hands the turn to the next consumer of a queue (%s)',
  async (transport) => {
    const queue = await broker.queue({ singleActiveConsumer: true, leaseMs: 60_000 });
    const client = broker.client();
    await using publisher = client.publisher();
    const handled: string[] = [];
    const consume = (name: string) =>
      client.consumer(queue, () => void handled.push(name), { transport, waitMs: 60_000 });
    const first = consume('first');
    await publisher.sendToQueue(queue, { body: 1 });
    await until(() => handled.length === 1);
    const second = consume('second');
    await until(async () => (await client.queues.get(queue)).state.consumers === 2);
    await first.stop();
    await publisher.sendToQueue(queue, { body: 2 });
    await until(() => handled.length === 2); // long before the first one's grace would end
    expect(handled).toEqual(['first', 'second']);
    await second.stop();
  },
);
