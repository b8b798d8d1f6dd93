/** Idempotent and transactional producers, against a broker and a network that spoils requests. */

import { describe, expect, it } from 'vitest';
import {
  answer,
  brokerForTests,
  dropReply,
  dropRequest,
  errorOf,
  numbers,
  readAll,
  spoiledFetch,
  spoiledFetchOf,
} from '../harness.ts';

const broker = brokerForTests();

async function committed(topic: string): Promise<unknown[]> {
  const records = await readAll(broker.client(), topic, { isolation: 'read_committed' });
  return records.map((record) => record.json());
}

describe('an idempotent producer', () => {
  it('stores each record once, in order, over a network that loses requests and replies', async () => {
    const kinds = [dropReply, undefined, dropRequest, answer(503)];
    const spoilers = numbers(40).map((i) => kinds[(i * 7) % 4] ?? (() => undefined));
    const { fetch } = spoiledFetch(...spoilers);
    const topic = await broker.topic(3);
    await using producer = broker
      .client({ fetch })
      .producer({ lingerMs: 0, batchBytes: 400, compression: 'gzip' });
    const sends: Promise<unknown>[] = [];
    for (const i of numbers(300)) {
      sends.push(producer.send(topic, { value: i, partition: i % 3 }));
      if (i % 5 === 0) await new Promise(setImmediate);
    }
    await Promise.all(sends);
    const records = await readAll(broker.client(), topic);
    expect(records).toHaveLength(300);
    for (const partition of numbers(3)) {
      const values = records.filter((r) => r.partition === partition).map((r) => r.json());
      expect(values).toEqual(numbers(100).map((i) => i * 3 + partition));
    }
  });

  it('asks for its id once, and not at all where it needs none', async () => {
    const asked = async (options: object): Promise<number> => {
      const { fetch, requests } = spoiledFetch();
      const topic = await broker.topic(2);
      await using producer = broker.client({ fetch }).producer({ lingerMs: 0, ...options });
      for (const value of numbers(3)) await producer.send(topic, { value, partition: value % 2 });
      return requests.filter(({ url }) => url.pathname.endsWith('/producers')).length;
    };
    expect(await asked({})).toBe(1);
    expect(await asked({ delivery: 'at-least-once' })).toBe(0);
    expect(await asked({ acks: 'none' })).toBe(0);
  });

  it('goes on after a batch that was given up, and the gap it leaves', async () => {
    const refused = answer(400, {}, { code: 'invalid_batch', retryable: false, batch: 0 });
    const { fetch } = spoiledFetch(() => undefined, refused);
    const topic = await broker.topic();
    await using producer = broker.client({ fetch }).producer();
    await producer.send(topic, { value: 'a' });
    expect((await errorOf(producer.send(topic, { value: 'b' }))).code).toBe('invalid_batch');
    expect(await producer.send(topic, { value: 'c' })).toMatchObject({ offset: 1 });
  });

  it('goes on when the partition has forgotten it', async () => {
    const forgotten = answer(409, {}, { code: 'unknown_producer', retryable: false, partition: 0 });
    const { fetch } = spoiledFetch(() => undefined, forgotten);
    const topic = await broker.topic();
    await using producer = broker.client({ fetch }).producer();
    await producer.send(topic, { value: 'a' });
    expect(await producer.send(topic, { value: 'b' })).toMatchObject({ offset: 1 });
    expect(await producer.send(topic, { value: 'c' })).toMatchObject({ offset: 2 });
  });

  it('refuses levels that contradict each other', () => {
    const posthorn = broker.client();
    expect(() => posthorn.producer({ delivery: 'exactly-once', acks: 'none' })).toThrow('says what acks');
    expect(() => posthorn.producer({ delivery: 'twice' as never })).toThrow('delivery is');
    expect(() => posthorn.producer({ idempotent: true, acks: 'none' })).toThrow('needs acks "durable"');
  });
});

describe('a transactional producer', () => {
  it('shows its records to readers of committed records all at once', async () => {
    const [one, two] = [await broker.topic(3), await broker.topic()];
    await using producer = broker.client().transactionalProducer({ transactionalId: `t-${one}` });
    await producer.begin();
    await producer.sendBatch(
      one,
      numbers(30).map((value) => ({ value, partition: value % 3 })),
    );
    await producer.send(two, { value: 'x' });
    expect(await committed(one)).toEqual([]);
    expect(await readAll(broker.client(), one)).toHaveLength(30);
    await producer.commit();
    expect(await committed(one)).toHaveLength(30);
    expect(await committed(two)).toEqual(['x']);
  });

  it('runs a function, commits when it is done and aborts when it throws', async () => {
    const topic = await broker.topic(2);
    await using producer = broker.client().transactionalProducer({ transactionalId: `t-${topic}` });
    for (const value of numbers(6)) {
      const run = producer.run((transaction) => {
        void transaction.send(topic, { value, partition: value % 2 });
        if (value % 3 === 0) throw new Error('no');
        return value;
      });
      if (value % 3 === 0) await expect(run).rejects.toThrow('no');
      else expect(await run).toBe(value);
    }
    expect((await committed(topic)).toSorted()).toEqual([1, 2, 4, 5]);
  });

  it('commits once when replies are lost, wherever', async () => {
    const { fetch } = spoiledFetchOf(
      /(records|commit|producers)$/,
      ...numbers(60).map((i) => (i % 2 ? dropReply : () => undefined)),
    );
    const topic = await broker.topic(2);
    const posthorn = broker.client({ fetch });
    await using producer = posthorn.transactionalProducer({ transactionalId: `t-${topic}` });
    for (const value of numbers(5)) {
      await producer.run((transaction) => {
        for (const partition of [0, 1]) void transaction.send(topic, { value, partition });
      });
    }
    expect(await committed(topic)).toHaveLength(10);
  });

  it('aborts when a record could not be stored, and says which failure', async () => {
    const topic = await broker.topic();
    await using producer = broker.client().transactionalProducer({ transactionalId: `t-${topic}` });
    await producer.begin();
    void producer.send(topic, { value: 1 });
    void producer.send(topic, { value: 2, partition: 7 });
    expect((await errorOf(producer.commit())).code).toBe('partition_not_found');
    await producer.run((transaction) => void transaction.send(topic, { value: 3 }));
    expect(await committed(topic)).toEqual([3]);
  });

  it('is fenced by another instance, and takes over again when it begins anew', async () => {
    const topic = await broker.topic();
    const transactionalId = `t-${topic}`;
    await using old = broker.client().transactionalProducer({ transactionalId });
    await using young = broker.client().transactionalProducer({ transactionalId });
    await old.begin();
    await old.send(topic, { value: 'zombie' });
    await young.run((transaction) => void transaction.send(topic, { value: 'young' }));
    expect((await errorOf(old.send(topic, { value: 'more' }))).code).toBe('producer_fenced');
    expect((await errorOf(old.commit())).code).toBe('producer_fenced');
    await old.run((transaction) => void transaction.send(topic, { value: 'old again' }));
    expect(await committed(topic)).toEqual(['young', 'old again']);
  });

  it('says what is not open, and commits nothing without a call', async () => {
    const { fetch, requests } = spoiledFetch();
    const topic = await broker.topic();
    await using producer = broker.client({ fetch }).transactionalProducer({ transactionalId: `t-${topic}` });
    expect((await errorOf(producer.send(topic, { value: 1 }))).code).toBe('invalid_argument');
    await expect(producer.commit()).rejects.toThrow('no transaction is open');
    await producer.begin();
    await expect(producer.begin()).rejects.toThrow('open already');
    await producer.commit();
    expect(requests.map(({ url }) => url.pathname)).toEqual(['/v1/default/producers']);
  });

  it('wakes a reader that follows, and the reader sees no aborted record', async () => {
    const topic = await broker.topic();
    await using producer = broker.client().transactionalProducer({ transactionalId: `t-${topic}` });
    const reader = broker.client().reader(topic, { isolation: 'read_committed' });
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const record of reader) {
        seen.push(record.json());
        if (seen.length === 3) break;
      }
    })();
    for (const value of numbers(6)) {
      await producer.begin();
      await producer.send(topic, { value });
      await (value % 2 === 0 ? producer.commit() : producer.abort());
    }
    await reading;
    expect(seen).toEqual([0, 2, 4]);
  });
});

describe('messages in a transaction', () => {
  it('are published when it is committed, through retries that lose requests and replies', async () => {
    const queue = await broker.queue();
    const exchange = `in-transaction-${queue}`;
    const admin = broker.client();
    await admin.exchanges.declare(exchange, { type: 'topic' });
    await admin.exchanges.bind(exchange, { queue }, { routingKey: 'order.*' });
    const { fetch } = spoiledFetchOf(/\/messages$/, dropReply, dropRequest, dropReply);
    await using producer = broker.client({ fetch }).transactionalProducer({ transactionalId: `m-${queue}` });
    const publishAll = async (note: string): Promise<void> => {
      const properties = { orderingKey: 'k', type: 't', correlationId: note };
      void producer.sendToQueue(queue, {
        body: { note },
        properties,
        headers: { a: 'ü', b: new Uint8Array([255]) },
      });
      void producer.publish(exchange, { routingKey: 'order.made', body: new Uint8Array([1, 255]) });
      expect(await producer.publish(exchange, { routingKey: 'other', body: null, mandatory: true })).toBe(
        false,
      );
    };
    await producer.begin();
    await publishAll('lost');
    await producer.abort();
    await producer.run(() => publishAll('kept'));
    const peeked = await admin.queues.peek(queue, { max: 10 });
    expect(peeked.map(({ body }) => body)).toEqual([{ note: 'kept' }, { $base64: 'Af8=' }]);
    expect(peeked[0]!.properties).toMatchObject({ orderingKey: 'k', correlationId: 'kept' });
    expect(peeked[0]!.headers).toMatchObject({ a: 'ü' });
    expect(peeked[1]).toMatchObject({ exchange, routingKey: 'order.made' });
  });

  it('abort the transaction where one cannot be held', async () => {
    const topic = await broker.topic();
    const admin = broker.client();
    await using producer = admin.transactionalProducer({ transactionalId: `m-${topic}` });
    const run = producer.run((transaction) => {
      void transaction.send(topic, { value: 1 });
      void transaction.sendToQueue('nowhere', { body: 1 });
    });
    expect((await errorOf(run)).code).toBe('queue_not_found');
    expect(await readAll(admin, topic, { isolation: 'read_committed' })).toEqual([]);
  });
});
