/** The publisher with sequences: what it sends straight to a queue is stored once, whatever became of its requests. */

import { describe, expect, it } from 'vitest';
import {
  answer,
  brokerForTests,
  dropReply,
  dropRequest,
  errorOf,
  numbers,
  spoiledFetchOf,
} from '../harness.ts';

const broker = brokerForTests();
const MESSAGES = /\/messages$/;

const bodiesOf = async (queue: string): Promise<unknown[]> =>
  (await broker.client().queues.peek(queue, { max: 1_000 })).map(({ body }) => body);

describe('a message straight to a queue is stored once', () => {
  for (const gzip of [false, true]) {
    it(`when the reply is lost, in order, and is confirmed as stored (gzip: ${gzip})`, async () => {
      const queue = await broker.queue();
      const { fetch, produced } = spoiledFetchOf(
        MESSAGES,
        dropReply,
        undefined!,
        dropReply,
        dropReply,
        dropRequest,
      );
      await using publisher = broker.client({ fetch }).publisher({ lingerMs: 0, gzip });
      const sent = [];
      for (const body of numbers(6)) {
        sent.push(
          publisher.sendToQueue(queue, { body }),
          publisher.sendToQueue(queue, { body: 'x'.repeat(200) }),
        );
        await new Promise(setImmediate);
      }
      const outcomes = (await Promise.all(sent)).map(({ outcome }) => outcome);
      expect(new Set(outcomes)).toEqual(new Set(['stored']));
      expect(produced.length).toBeGreaterThan(5);
      const bodies = await bodiesOf(queue);
      expect(bodies).toHaveLength(12);
      expect(bodies.filter((body) => typeof body === 'number')).toEqual(numbers(6));
    });
  }

  it('and one that was emptied meanwhile does not take it again', async () => {
    const queue = await broker.queue();
    const { queues } = broker.client();
    const { fetch } = spoiledFetchOf(MESSAGES, async (request, pass) => {
      await pass();
      await queues.purge(queue);
      return (await dropReply(request, pass))!;
    });
    await using publisher = broker.client({ fetch }).publisher();
    expect((await publisher.sendToQueue(queue, { body: 1 })).outcome).toBe('stored');
    expect(await bodiesOf(queue)).toEqual([]);
  });

  it('and what a full queue refused goes again, also when that answer was lost', async () => {
    const queue = await broker.queue({ maxLength: 3, overflow: 'reject-publish', deadLetter: 'none' });
    const { fetch, onEach } = spoiledFetchOf(MESSAGES, dropReply, dropReply);
    let isEmptying = false;
    const { queues } = broker.client();
    const taken: unknown[] = [];
    onEach((request) => {
      if (isEmptying || !MESSAGES.test(request.url.pathname)) return undefined;
      isEmptying = true;
      void (async () => {
        while (taken.length < 10) {
          const found = await bodiesOf(queue);
          taken.push(...found);
          if (found.length > 0) await queues.purge(queue);
        }
      })();
      return undefined;
    });
    await using publisher = broker
      .client({ fetch, retry: { baseMs: 1, maxMs: 4 } })
      .publisher({ deliveryTimeoutMs: 60_000 });
    const sent = await Promise.all(numbers(10).map((body) => publisher.sendToQueue(queue, { body })));
    expect(sent.map(({ outcome }) => outcome)).toEqual(new Array(10).fill('stored'));
    await expect.poll(() => taken).toEqual(numbers(10));
  });

  it('and after one that was given up, or refused for what it is, the next go on', async () => {
    const queue = await broker.queue();
    const { fetch, onEach } = spoiledFetchOf(MESSAGES);
    await using publisher = broker.client({ fetch }).publisher({ deliveryTimeoutMs: 1, lingerMs: 0 });
    await publisher.sendToQueue(queue, { body: 0 });
    onEach((request, pass) => (MESSAGES.test(request.url.pathname) ? dropReply(request, pass) : undefined));
    expect((await errorOf(publisher.sendToQueue(queue, { body: 1 }))).code).toBe('timeout');
    onEach(() => undefined);
    await publisher.sendToQueue(queue, { body: 2 });
    const spoilt = { body: 3, headers: { ':never': 'theirs' } };
    const results = await Promise.allSettled([
      publisher.sendToQueue(queue, spoilt),
      publisher.sendToQueue(queue, { body: 4 }),
    ]);
    expect(results[1]!.status).toBe('fulfilled');
    await publisher.sendToQueue(queue, { body: 5 });
    expect((await bodiesOf(queue)).filter((body) => body !== 3)).toEqual([0, 1, 2, 4, 5]);
  });

  it('and a queue that was made anew, or forgot what was only known by its id, takes the next', async () => {
    const client = broker.client();
    const queue = await broker.queue({ dedupWindowMs: 60_000 });
    await using publisher = client.publisher({ lingerMs: 0 });
    const properties = { messageId: 'same' };
    const outcomes = [];
    for (const body of [1, 2, 3])
      outcomes.push((await publisher.sendToQueue(queue, { body, properties })).outcome);
    expect(outcomes).toEqual(['stored', 'duplicate', 'duplicate']);
    await client.queues.delete(queue);
    await client.queues.declare(queue, {});
    for (const body of [4, 5]) await publisher.sendToQueue(queue, { body });
    expect(await bodiesOf(queue)).toEqual([4, 5]);
  });
});

it('asks for its producer id once, and not at all where it is told not to', async () => {
  const queue = await broker.queue();
  const asked = async (idempotent: boolean, toQueue: boolean): Promise<number> => {
    const { fetch, requests } = spoiledFetchOf(MESSAGES, answer(503));
    await using publisher = broker.client({ fetch }).publisher({ idempotent, lingerMs: 0 });
    for (const body of [1, 2]) {
      if (toQueue) await publisher.sendToQueue(queue, { body });
      else await publisher.publish('', { routingKey: queue, body });
    }
    return requests.filter(({ url }) => url.pathname.endsWith('/producers')).length;
  };
  expect([await asked(true, true), await asked(true, false)]).toEqual([1, 1]);
  expect([await asked(false, true), await asked(false, false)]).toEqual([0, 0]);
});

it('refuses options that contradict each other', () => {
  const made = (options: object): unknown => broker.client().publisher(options);
  for (const options of [{ delivery: 'at-most-once' }, { delivery: 'exactly-once', idempotent: false }]) {
    expect(() => made(options)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  }
});
