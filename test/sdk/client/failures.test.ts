import { describe, expect, it } from 'vitest';
import {
  answer,
  brokerForTests,
  dropReply,
  dropRequest,
  errorOf,
  isProduce,
  numbers,
  readAll,
  spoiledFetch,
  type Spoiler,
} from '../harness.ts';

const broker = brokerForTests();

const overloaded = {
  code: 'partition_overloaded',
  retryable: true,
  detail: 'slow down',
  retry_after_s: 1,
};

/** Lets only some of the batches through and answers as the broker does when a partition failed. */
const storeOnly =
  (...partitions: number[]): Spoiler =>
  async (request, pass) => {
    const reply = (await (await pass()).json()) as { batches: { partition: number }[] };
    const stored = reply.batches.filter(({ partition }) => partitions.includes(partition));
    expect(stored.length).toBeLessThan(request.partitions.length);
    const failed = request.partitions
      .filter((partition) => !partitions.includes(partition))
      .map((partition) => ({ partition, code: 'partition_unavailable', retryable: true, detail: 'gone' }));
    const problem = { code: 'partly_stored', retryable: false, detail: 'not all', stored, failed };
    return answer(409, {}, problem)(request, pass)!;
  };

describe('a producer tries again', () => {
  it.each([
    ['the request is lost', dropRequest],
    ['a proxy says 502', answer(502)],
    ['the partition is unavailable', answer(503, {}, { code: 'partition_unavailable', retryable: true })],
    ['the partition is overloaded', answer(429, { 'retry-after': '0' }, overloaded)],
  ])('when %s', async (_, spoiler) => {
    const { fetch, produced } = spoiledFetch(spoiler, spoiler, spoiler);
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = posthorn.producer();
    expect(await producer.send(topic, { value: 1 })).toMatchObject({ offset: 0 });
    expect(produced).toHaveLength(4);
    expect(await readAll(posthorn, topic)).toHaveLength(1);
  });

  it.each([
    { times: 'once', delivery: 'exactly-once', offset: 0, count: 1 },
    { times: 'twice if it is not idempotent', delivery: 'at-least-once', offset: 1, count: 2 },
  ] as const)(
    'when the reply is lost, and the record is there $times',
    async ({ delivery, offset, count }) => {
      const { fetch } = spoiledFetch(dropReply);
      const posthorn = broker.client({ fetch });
      const topic = await broker.topic();
      await using producer = posthorn.producer({ delivery });
      expect(await producer.send(topic, { value: 1 })).toMatchObject({ offset });
      expect(await readAll(posthorn, topic)).toHaveLength(count);
    },
  );

  it('as late as the broker asks', async () => {
    const { fetch } = spoiledFetch(answer(429, { 'retry-after': '0.2' }, overloaded));
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = posthorn.producer();
    const startMs = performance.now();
    await producer.send(topic, { value: 1 });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(199);
  });

  it('and keeps the order of each partition', async () => {
    const spoilers = numbers(30).map(
      (i) => [dropRequest, answer(503), undefined][i % 3] ?? (() => undefined),
    );
    const { fetch } = spoiledFetch(...spoilers);
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic(3);
    await using producer = posthorn.producer({ lingerMs: 0, batchBytes: 400 });
    const sends: Promise<unknown>[] = [];
    for (const i of numbers(300)) {
      sends.push(producer.send(topic, { value: i, partition: i % 3 }));
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    await Promise.all(sends);
    const records = await readAll(posthorn, topic);
    for (const partition of numbers(3)) {
      const values = records.filter((r) => r.partition === partition).map((r) => r.json());
      expect(values).toEqual(numbers(100).map((i) => i * 3 + partition));
    }
  });

  it.each([
    { idempotent: true, offsets: [0, 0, 0, 0] },
    { idempotent: false, offsets: [0, 1, 0, 1] },
  ])('only with what was not stored ($idempotent)', async ({ idempotent, offsets }) => {
    const { fetch, produced } = spoiledFetch(storeOnly(0, 2));
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic(4);
    await using producer = posthorn.producer({ idempotent });
    const receipts = await producer.sendBatch(
      topic,
      numbers(4).map((partition) => ({ value: partition, partition })),
    );
    expect(produced.map(({ partitions }) => partitions)).toEqual([
      [0, 1, 2, 3],
      [1, 3],
    ]);
    expect(receipts.map(({ offset }) => offset)).toEqual(offsets); // the test stored 1 and 3 once before
  });

  it('until the delivery timeout, and says why', async () => {
    const spoiled = spoiledFetch();
    spoiled.onEach((request) => (isProduce(request) ? dropRequest(request, fetch as never) : undefined));
    const posthorn = broker.client({ fetch: spoiled.fetch });
    const topic = await broker.topic();
    await using producer = posthorn.producer({ deliveryTimeoutMs: 50 });
    const error = await errorOf(producer.send(topic, { value: 1 }));
    expect(error).toMatchObject({ code: 'timeout', retryable: true, cause: { code: 'connection_failed' } });
    expect(error.message).toContain('connection refused');
    expect(spoiled.produced.length).toBeGreaterThan(3);
    expect(producer.bufferedBytes).toBe(0);
  });

  it('to learn of the topic', async () => {
    let failures = 3;
    const spoiled = spoiledFetch();
    spoiled.onEach((request) =>
      request.method === 'GET' && failures-- > 0 ? dropRequest(request, fetch as never) : undefined,
    );
    const topic = await broker.topic();
    await using producer = broker.client({ fetch: spoiled.fetch }).producer();
    expect(await producer.send(topic, { value: 1 })).toMatchObject({ offset: 0 });
  });
});

describe('a producer does not try again', () => {
  it('when the broker refuses for good', async () => {
    const { fetch, produced } = spoiledFetch(
      answer(413, {}, { code: 'request_too_large', retryable: false }),
    );
    const topic = await broker.topic();
    await using producer = broker.client({ fetch }).producer();
    const error = await errorOf(producer.send(topic, { value: 1 }));
    expect(error).toMatchObject({ code: 'request_too_large', status: 413, retryable: false });
    expect(produced).toHaveLength(1);
  });

  it('with the batch that the broker names, but with the others', async () => {
    const refused = answer(400, {}, { code: 'invalid_batch', retryable: false, batch: 1 });
    const { fetch, produced } = spoiledFetch(refused);
    const topic = await broker.topic(3);
    await using producer = broker.client({ fetch }).producer();
    const sends = numbers(3).map((partition) => producer.send(topic, { value: partition, partition }));
    const results = await Promise.allSettled(sends);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(produced.map(({ partitions }) => partitions)).toEqual([
      [0, 1, 2],
      [0, 2],
    ]);
  });

  it('when its signal fires', async () => {
    const spoiled = spoiledFetch();
    const { promise: arrived, resolve } = Promise.withResolvers<void>();
    spoiled.onEach((request) => {
      if (!isProduce(request)) return undefined;
      resolve();
      return new Promise(() => {});
    });
    const topic = await broker.topic(2);
    const controller = new AbortController();
    const producer = broker
      .client({ fetch: spoiled.fetch })
      .producer({ signal: controller.signal, lingerMs: 0 });
    const onTheWay = errorOf(producer.send(topic, { value: 1, partition: 0 }));
    await arrived;
    const behind = errorOf(producer.send(topic, { value: 2, partition: 0 }));
    const unknown = errorOf(producer.send('not-looked-up', { value: 3 }));
    controller.abort(new Error('shutting down'));
    for (const error of [await onTheWay, await behind, await unknown]) {
      expect(error).toMatchObject({ code: 'aborted', cause: { message: 'shutting down' } });
    }
    expect(spoiled.produced[0]!.signal.aborted).toBe(true);
    expect((await errorOf(producer.send(topic, { value: 4 }))).code).toBe('aborted');
    await producer.close();
    expect(producer.bufferedBytes).toBe(0);
  });
});

describe('a topic that changes while a producer runs', () => {
  it('with smaller batches gets smaller batches, in order', async () => {
    const { fetch, produced } = spoiledFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = posthorn.producer({ batchBytes: 4_096 });
    await producer.send(topic, { value: 0 });
    await broker.client().topics.change(topic, { maxBatchBytes: 2_048 });
    const sends = numbers(40, 1).map((value) =>
      producer.send(topic, { value, headers: { pad: 'x'.repeat(200) } }),
    );
    const tooLarge = errorOf(producer.send(topic, { value: 'x'.repeat(3_000) }));
    await producer.flush();
    await Promise.all(sends);
    expect((await tooLarge).code).toBe('record_too_large');
    expect((await readAll(posthorn, topic)).map((record) => record.json())).toEqual(numbers(41));
    expect(produced.length).toBeGreaterThan(4);
  });

  it('and comes back with fewer partitions has its keys placed anew', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(10);
    await using producer = posthorn.producer();
    await producer.sendBatch(
      topic,
      numbers(50).map((i) => ({ key: `k${i}`, value: i })),
    );
    await broker.client().topics.delete(topic);
    await broker.client().topics.declare(topic, { partitions: 2 });
    const sends = numbers(50).map((i) => producer.send(topic, { key: `k${i}`, value: i }));
    const named = errorOf(producer.send(topic, { value: 1, partition: 5 }));
    const receipts = await Promise.all(sends);
    expect(new Set(receipts.map(({ partition }) => partition))).toEqual(new Set([0, 1]));
    expect((await named).code).toBe('partition_not_found');
    expect(await readAll(posthorn, topic)).toHaveLength(50);
  });

  it('and is compacted from now on refuses only the records without a key', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic();
    await using producer = posthorn.producer();
    await producer.send(topic, { key: 'a', value: 1 });
    await broker.client().topics.change(topic, { cleanupPolicy: 'compact' });
    const keyed = producer.send(topic, { key: 'b', value: 2 });
    const keyless = errorOf(producer.send(topic, { value: 3 }));
    expect(await keyed).toMatchObject({ offset: 1 });
    expect((await keyless).code).toBe('key_required');
  });
});
