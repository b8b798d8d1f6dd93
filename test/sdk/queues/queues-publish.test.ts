import { describe, expect, it } from 'vitest';
import {
  answer,
  brokerForTests,
  dropReply,
  dropRequest,
  errorOf,
  numbers,
  spoiledFetchOf,
  until,
} from '../harness.ts';

const broker = brokerForTests();
const MESSAGES = /\/messages$/;

const bodiesOf = async (queue: string): Promise<unknown[]> =>
  (await broker.client().queues.peek(queue, { max: 1_000 })).map(({ body }) => body);

describe('a message', () => {
  it('to a queue is confirmed when it is stored', async () => {
    const queue = await broker.queue();
    await using publisher = broker.client().publisher();
    const confirmed = publisher.sendToQueue(queue, { body: 'a', properties: { messageId: 'm' } });
    expect(publisher.unconfirmed).toBe(1);
    expect(await confirmed).toEqual({ outcome: 'stored', messageId: 'm' });
    expect(publisher.unconfirmed).toBe(0);
    expect(await bodiesOf(queue)).toEqual(['a']);
  });

  it('through an exchange goes where bindings say, and tells when it is mandatory and nowhere', async () => {
    const { exchanges } = broker.client();
    const queue = await broker.queue();
    await exchanges.declare('routes', { type: 'topic' });
    await exchanges.bind('routes', { queue }, { routingKey: 'orders.*' });
    await using publisher = broker.client().publisher();
    const results = await Promise.allSettled([
      publisher.publish('routes', { routingKey: 'orders.new', body: 1, mandatory: true }),
      publisher.publish('routes', { routingKey: 'mails.new', body: 2, mandatory: true }),
      publisher.publish('routes', { routingKey: 'orders.old', body: 3, mandatory: true }),
      publisher.publish('routes', { routingKey: 'mails.old', body: 4 }),
      publisher.publish('', { routingKey: queue, body: 5 }),
    ]);
    expect(results.map((r) => (r.status === 'fulfilled' ? r.value.outcome : r.reason.code))).toEqual([
      'stored',
      'unroutable',
      'stored',
      'stored',
      'stored',
    ]);
    expect((await bodiesOf(queue)).toSorted()).toEqual([1, 3, 5]);
  });

  it('is confirmed with its destinations where that is asked for', async () => {
    const { exchanges } = broker.client();
    const [queue, other] = [await broker.queue({ dedupWindowMs: 60_000 }), await broker.queue()];
    const topic = await broker.topic(1);
    await exchanges.declare('where', { type: 'topic' });
    await exchanges.bindMany([
      { source: 'where', destination: { queue }, routingKey: 'a.#' },
      { source: 'where', destination: { queue: other }, routingKey: '*.b' },
      { source: 'where', destination: { topic }, routingKey: 'a.*' },
    ]);
    await using publisher = broker.client().publisher({ destinations: true });
    const keys = ['a', 'a.b', 'c.b', 'a.c', 'nowhere', 'a.d'];
    const confirmed = await Promise.all(
      keys.map((routingKey) => publisher.publish('where', { routingKey, body: routingKey })),
    );
    const sorted = confirmed.map(({ destinations }) =>
      destinations!.map((one) => JSON.stringify(one)).sort(),
    );
    const at = (offset: number): object => ({ topic, partition: 0, offset });
    expect(sorted).toEqual(
      [
        [{ queue }],
        [{ queue }, { queue: other }, at(0)],
        [{ queue: other }],
        [{ queue }, at(1)],
        [],
        [{ queue }, at(2)],
      ].map((destinations) => destinations.map((one) => JSON.stringify(one)).sort()),
    );
    const properties = { messageId: 'm' };
    const twice = [1, 2].map(() => publisher.sendToQueue(queue, { body: 1, properties }));
    expect(await Promise.all(twice)).toEqual([
      { outcome: 'stored', messageId: 'm', destinations: [{ queue }] },
      { outcome: 'duplicate', messageId: 'm', destinations: [{ queue }] },
    ]);
  });

  it('is sent compressed where that is asked for and makes it smaller', async () => {
    const queue = await broker.queue();
    const { fetch, produced } = spoiledFetchOf(MESSAGES, dropRequest);
    await using publisher = broker.client({ fetch }).publisher({ gzip: true });
    const text = 'the same again and again, '.repeat(1_000);
    await Promise.all(numbers(10).map(() => publisher.sendToQueue(queue, { body: text })));
    await publisher.sendToQueue(queue, { body: crypto.getRandomValues(new Uint8Array(500)) });
    expect(produced.map(({ bytes }) => bytes > 2_000)).toEqual([false, false, false]);
    expect(produced[0]!.bytes).toBe(produced[1]!.bytes);
    expect(produced[2]!.bytes).toBeLessThan(600);
    expect((await bodiesOf(queue)).slice(0, 10)).toEqual(numbers(10).map(() => text));
  });

  it('that cannot be is refused before anything is sent', async () => {
    const queue = await broker.queue();
    await using publisher = broker.client().publisher({ claimCheckBytes: Infinity });
    const codeOf = async (message: object): Promise<string> =>
      (await errorOf(publisher.sendToQueue(queue, { body: 1, ...message }))).code;
    for (const wrong of [
      { body: undefined },
      { headers: { ':x': 'y' } },
      { properties: { priority: 32 } },
      { properties: { delayMs: -1 } },
      { properties: { delayMs: 1, deliverAt: 1 } },
      { properties: { messageId: 'x'.repeat(256) } },
      { properties: { colour: 'red' } },
      { properties: { orderingKey: 'x'.repeat(1_025) } },
    ]) {
      expect(await codeOf(wrong)).toBe('invalid_argument');
    }
    expect(await codeOf({ body: new Uint8Array(2 ** 20) })).toBe('record_too_large');
    const long = publisher.publish('amq.direct', { body: 1, routingKey: 'x'.repeat(256) });
    expect((await errorOf(long)).code).toBe('invalid_argument');
    expect((await errorOf(publisher.sendToQueue('a\nb', { body: 1 }))).code).toBe('invalid_argument');
  });

  it('to what is not there fails, and can be sent when it is', async () => {
    await using publisher = broker.client().publisher();
    expect((await errorOf(publisher.sendToQueue('late', { body: 1 }))).code).toBe('queue_not_found');
    expect((await errorOf(publisher.publish('late', { body: 1 }))).code).toBe('exchange_not_found');
    await broker.client().queues.declare('late');
    expect(await publisher.sendToQueue('late', { body: 1 })).toMatchObject({ outcome: 'stored' });
  });

  it('that the broker refuses fails alone', async () => {
    const queue = await broker.queue();
    const refuse = answer(400, {}, { code: 'invalid_message', retryable: false, detail: 'no', index: 1 });
    const { fetch, produced } = spoiledFetchOf(MESSAGES, refuse);
    await using publisher = broker.client({ fetch }).publisher();
    const results = await Promise.allSettled(
      numbers(3).map((body) => publisher.sendToQueue(queue, { body })),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(produced).toHaveLength(2);
    expect(await bodiesOf(queue)).toEqual([0, 2]);
  });
});

describe('batching', () => {
  it('sends what comes together in one request, in order', async () => {
    const { fetch, produced } = spoiledFetchOf(MESSAGES);
    const queue = await broker.queue();
    await using publisher = broker.client({ fetch }).publisher();
    await Promise.all(numbers(500).map((body) => publisher.sendToQueue(queue, { body })));
    expect(produced).toHaveLength(1);
    expect(await bodiesOf(queue)).toEqual(numbers(500));
  });

  it('closes a batch at its number of messages or bytes', async () => {
    const { fetch, produced } = spoiledFetchOf(MESSAGES);
    const queue = await broker.queue();
    await using few = broker.client({ fetch }).publisher({ batchMessages: 100 });
    await Promise.all(numbers(1_000).map((body) => few.sendToQueue(queue, { body })));
    expect(produced).toHaveLength(10);
    await using small = broker.client({ fetch }).publisher({ batchBytes: 10_000 });
    await Promise.all(numbers(100).map(() => small.sendToQueue(queue, { body: new Uint8Array(900) })));
    expect(Math.max(...produced.map(({ bytes }) => bytes))).toBeLessThanOrEqual(10_000);
  });

  it('ready() waits while maxUnconfirmed are on their way', async () => {
    const queue = await broker.queue();
    await using publisher = broker.client().publisher({ maxUnconfirmed: 50 });
    let most = 0;
    for (const body of numbers(1_000)) {
      void publisher.sendToQueue(queue, { body });
      most = Math.max(most, publisher.unconfirmed);
      await publisher.ready();
    }
    await publisher.flush();
    expect([most, publisher.unconfirmed]).toEqual([50, 0]);
    expect((await broker.client().queues.get(queue)).state.ready).toBe(1_000);
  });

  it('close sends what waits, and refuses what comes after', async () => {
    const queue = await broker.queue();
    const publisher = broker.client().publisher({ lingerMs: 60_000 });
    const sent = publisher.sendToQueue(queue, { body: 1 });
    await publisher.close();
    expect((await sent).outcome).toBe('stored');
    expect((await errorOf(publisher.sendToQueue(queue, { body: 1 }))).code).toBe('closed');
  });
});

describe('on a bad network', () => {
  it.each([
    ['the request is lost', dropRequest],
    ['a proxy says 502', answer(502)],
    ['the queue is overloaded', answer(429, {}, { code: 'queue_overloaded', retryable: true, detail: '' })],
  ])('a publisher tries again when %s', async (_, spoiler) => {
    const { fetch, produced } = spoiledFetchOf(MESSAGES, spoiler, spoiler);
    const queue = await broker.queue();
    await using publisher = broker.client({ fetch }).publisher({ lingerMs: 0 });
    const sent = [0, 1].map((body) => publisher.sendToQueue(queue, { body }));
    await new Promise(setImmediate);
    sent.push(publisher.sendToQueue(queue, { body: 2 }));
    await Promise.all(sent);
    expect(produced.length).toBeGreaterThanOrEqual(4);
    expect(await bodiesOf(queue)).toEqual([0, 1, 2]);
  });

  it('without sequences a queue with a deduplication window stores a message once when the reply is lost; another twice', async () => {
    for (const [dedupWindowMs, count] of [
      [60_000, 1],
      [0, 2],
    ] as const) {
      const queue = await broker.queue({ dedupWindowMs });
      const { fetch } = spoiledFetchOf(MESSAGES, dropReply);
      await using publisher = broker.client({ fetch }).publisher({ delivery: 'at-least-once' });
      const { outcome, messageId } = await publisher.sendToQueue(queue, { body: 1 });
      expect([outcome, typeof messageId]).toEqual(
        count === 1 ? ['duplicate', 'string'] : ['stored', 'undefined'],
      );
      expect(await bodiesOf(queue)).toHaveLength(count);
    }
  });

  it('only what was not stored everywhere goes again', async () => {
    const { exchanges, queues } = broker.client();
    const full = await broker.queue({ maxLength: 1, overflow: 'reject-publish', deadLetter: 'none' });
    const roomy = await broker.queue({ dedupWindowMs: 60_000 });
    await exchanges.declare('partly', { type: 'fanout' });
    await exchanges.bind('partly', { queue: full });
    await exchanges.bind('partly', { queue: roomy });
    await using publisher = broker.client().publisher();
    const [first, second] = [1, 2].map((body) => publisher.publish('partly', { body }));
    expect((await first)!.outcome).toBe('stored');
    await queues.purge(full);
    expect((await second)!.outcome).toBe('stored');
    expect(await bodiesOf(roomy)).toEqual([1, 2]);
    expect(await bodiesOf(full)).toEqual([2]);
  });

  it('a full queue is tried until the delivery timeout', async () => {
    const queue = await broker.queue({ maxLength: 1, overflow: 'reject-publish', deadLetter: 'none' });
    await using publisher = broker.client().publisher({ deliveryTimeoutMs: 100 });
    const [first, second] = [1, 2].map((body) => publisher.sendToQueue(queue, { body }));
    expect((await first)!.outcome).toBe('stored');
    expect(await errorOf(second!)).toMatchObject({ code: 'timeout', cause: { code: 'queue_full' } });
  });

  it('an AbortSignal gives up everything', async () => {
    const { fetch, onEach, produced } = spoiledFetchOf(MESSAGES);
    const queue = await broker.queue();
    onEach((request) => (MESSAGES.test(request.url.pathname) ? new Promise(() => {}) : undefined));
    const controller = new AbortController();
    const publisher = broker.client({ fetch }).publisher({ signal: controller.signal, lingerMs: 0 });
    const sent = publisher.sendToQueue(queue, { body: 1 });
    await until(() => produced.length === 1);
    const waiting = publisher.sendToQueue(queue, { body: 2 });
    controller.abort();
    expect([(await errorOf(sent)).code, (await errorOf(waiting)).code]).toEqual(['aborted', 'aborted']);
    expect((await errorOf(publisher.sendToQueue(queue, { body: 1 }))).code).toBe('aborted');
    await publisher.close();
    expect([publisher.unconfirmed, publisher.bufferedBytes]).toEqual([0, 0]);
  });
});
