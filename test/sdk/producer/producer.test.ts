import { describe, expect, it } from 'vitest';
import { partitionForKey } from '../../../protocol/murmur2.ts';
import { bytesOfText } from '../../../sdk/values/text.ts';
import {
  isProduce,
  brokerForTests,
  errorOf,
  numbers,
  readAll,
  spoiledFetch,
  type Spoiler,
} from '../harness.ts';

const broker = brokerForTests();

/** Produce requests wait until they are let go. */
function gatedFetch() {
  const gate = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const spoiled = spoiledFetch();
  const hold: Spoiler = async (request, pass) => {
    if (!isProduce(request)) return await pass();
    arrived.resolve();
    await gate.promise;
    return await pass();
  };
  spoiled.onEach(hold);
  return { ...spoiled, open: gate.resolve, arrived: arrived.promise };
}

describe('a record', () => {
  it('goes where Kafka would put its key, and comes back as it was', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(10);
    await using producer = posthorn.producer();
    const timestamp = 1_700_000_000_000;
    const value = { total: 12, note: 'für dich' };
    const headers = { trace: 'abc', many: ['1', '2'], none: null };
    const receipt = await producer.send(topic, { key: 'customer-7', value, headers, timestamp });
    const partition = partitionForKey(bytesOfText('customer-7'), 10);
    expect(receipt).toEqual({ partition, offset: 0, timestamp });
    const [record] = await readAll(posthorn, topic);
    expect(record).toMatchObject({ partition, offset: 0, timestamp, keyText: 'customer-7' });
    expect(record!.json()).toEqual(value);
    expect(record!.headers.map(({ key }) => key)).toEqual(['trace', 'many', 'many', 'none']);
    expect(record!.header('trace')).toBe('abc');
    expect(record!.header('many')).toBe('2');
    expect(record!.header('none')).toBeNull();
    expect(record!.header('other')).toBeUndefined();
  });

  it('can be bytes, a tombstone, JSON text, and be forwarded as it was read', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic();
    await using producer = posthorn.producer();
    const key = new Uint8Array([0, 255]);
    await producer.send(topic, { key, value: new Uint8Array([254, 1]), headers: { h: 'v' } });
    await producer.send(topic, { key: 'k', value: null });
    await producer.send(topic, { value: 'text' });
    const [bytes, tombstone, text] = await readAll(posthorn, topic);
    expect(bytes!.value).toEqual(new Uint8Array([254, 1]));
    expect(bytes!.key).toEqual(key);
    expect(() => bytes!.json()).toThrow('not JSON');
    expect([tombstone!.value, tombstone!.json(), tombstone!.text()]).toEqual([null, null, null]);
    expect([text!.text(), text!.json(), text!.key, text!.keyText]).toEqual(['"text"', 'text', null, null]);
    await producer.send(topic, bytes!);
    const forwarded = (await readAll(posthorn, topic)).at(-1)!;
    expect(forwarded).toMatchObject({ key, value: bytes!.value, headers: bytes!.headers });
    expect(forwarded.timestamp).toBe(bytes!.timestamp);
  });

  it('goes to the partition that it names, also one that was added since', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(2);
    await using producer = posthorn.producer();
    expect(await producer.send(topic, { value: 1, partition: 1 })).toMatchObject({ partition: 1 });
    await broker.client().topics.change(topic, { partitions: 4 });
    expect(await producer.send(topic, { value: 1, partition: 3 })).toMatchObject({ partition: 3, offset: 0 });
    const error = await errorOf(producer.send(topic, { value: 1, partition: 4 }));
    expect(error).toMatchObject({ code: 'partition_not_found', details: { partitions: 4 } });
  });

  it('that is too large, or has no key where one is needed, fails alone', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(1, { cleanupPolicy: 'compact', maxBatchBytes: 2_048 });
    await using producer = posthorn.producer();
    const results = await Promise.allSettled([
      producer.send(topic, { key: 'a', value: 1 }),
      producer.send(topic, { value: 2 }),
      producer.send(topic, { key: 'b', value: 'x'.repeat(2_000) }),
      producer.send(topic, { key: 'c', value: 4 }),
    ]);
    expect(results.map((r) => (r.status === 'fulfilled' ? r.value.offset : r.reason.code))).toEqual([
      0,
      'key_required',
      'record_too_large',
      1,
    ]);
  });

  it('can be almost as large as a batch', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic();
    await using producer = posthorn.producer({ claimCheckBytes: Infinity });
    const value = new Uint8Array(1024 * 1024 - 2_048).fill(7);
    await Promise.all(numbers(5).map(() => producer.send(topic, { value })));
    const records = await readAll(posthorn, topic, { fetchBytes: 1_000 });
    expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
    expect(records.every((record) => record.value!.length === value.length)).toBe(true);
    const error = await errorOf(producer.send(topic, { value: new Uint8Array(2 ** 21) }));
    expect(error.code).toBe('record_too_large');
  });

  it('to a topic that does not exist fails, and is looked for again', async () => {
    const posthorn = broker.client();
    await using producer = posthorn.producer();
    expect((await errorOf(producer.send('late', { value: 1 }))).code).toBe('topic_not_found');
    await broker.client().topics.declare('late');
    expect(await producer.send('late', { value: 1 })).toMatchObject({ offset: 0 });
    await broker.client().topics.delete('late');
    expect((await errorOf(producer.send('late', { value: 1 }))).code).toBe('topic_not_found');
  });

  it('without a promise has offset -1', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic();
    await using producer = posthorn.producer({ acks: 'none' });
    expect(await producer.send(topic, { value: 1 })).toMatchObject({ partition: 0, offset: -1 });
  });

  it('gets the time of the partition where the topic says so', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(1, { timestampType: 'append' });
    await using producer = posthorn.producer();
    const { timestamp } = await producer.send(topic, { value: 1, timestamp: 5 });
    expect(timestamp).toBeGreaterThan(1_700_000_000_000);
    expect((await readAll(posthorn, topic))[0]!.timestamp).toBe(timestamp);
  });
});

describe('batching', () => {
  it('sends what comes together in one request for all partitions', async () => {
    const { fetch, produced } = spoiledFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic(10);
    await using producer = posthorn.producer();
    const receipts = await Promise.all(
      numbers(500).map((i) => producer.send(topic, { key: `k${i}`, value: i })),
    );
    expect(produced).toHaveLength(1);
    expect(new Set(produced[0]!.partitions).size).toBe(10);
    const records = await readAll(posthorn, topic);
    expect(records).toHaveLength(500);
    for (const [i, { partition, offset }] of receipts.entries()) {
      const record = records.find((r) => r.partition === partition && r.offset === offset);
      expect(record!.json()).toBe(i);
    }
  });

  it('begins a batch when one is full', async () => {
    const { fetch, produced } = spoiledFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = posthorn.producer({ batchBytes: 10_000 });
    await Promise.all(numbers(100).map(() => producer.send(topic, { value: new Uint8Array(1_000) })));
    expect(produced.length).toBeGreaterThanOrEqual(10);
    expect(produced.length).toBeLessThanOrEqual(13);
    expect(Math.max(...produced.map(({ bytes }) => bytes))).toBeLessThanOrEqual(10_000);
  });

  it('keeps records without a key together, and moves on with the batch', async () => {
    const { fetch, produced } = spoiledFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic(5);
    await using producer = posthorn.producer();
    const first = await Promise.all(numbers(50).map((value) => producer.send(topic, { value })));
    expect(new Set(first.map(({ partition }) => partition)).size).toBe(1);
    for (let i = 0; i < 20; i++) await producer.sendBatch(topic, [{ value: 1 }, { value: 2 }]);
    expect(new Set(produced.flatMap(({ partitions }) => partitions)).size).toBeGreaterThan(1);
    expect(produced.every(({ partitions }) => partitions.length === 1)).toBe(true);
  });

  it('with lingerMs 0 still joins what is sent at once', async () => {
    const { fetch, produced } = spoiledFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = posthorn.producer({ lingerMs: 0 });
    await Promise.all(numbers(100).map((value) => producer.send(topic, { value })));
    expect(produced).toHaveLength(1);
  });

  it('fills batches while a partition is busy, with at most one request for each', async () => {
    const { fetch, produced, open, arrived } = gatedFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = posthorn.producer({ lingerMs: 0 });
    const sends = [producer.send(topic, { value: 0 })];
    await arrived;
    for (let i = 1; i < 50; i++) {
      sends.push(producer.send(topic, { value: i }));
      await Promise.resolve();
    }
    expect(produced).toHaveLength(1);
    open();
    const receipts = await Promise.all(sends);
    expect(produced).toHaveLength(2);
    expect(receipts.map(({ offset }) => offset)).toEqual(numbers(50));
  });

  it('has several partitions on their way, up to maxInFlight', async () => {
    const { fetch, produced, open } = gatedFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic(8);
    await using producer = posthorn.producer({ maxInFlight: 3, lingerMs: 60_000, batchBytes: 1_000 });
    await producer.sendBatch(topic, []); // resolves at once
    const sends = numbers(8).map((partition) => producer.send(topic, { value: 'x'.repeat(900), partition }));
    const flushed = producer.flush();
    for (const partition of numbers(8)) {
      sends.push(producer.send(topic, { value: 'y'.repeat(900), partition }));
    }
    while (produced.length === 0) await new Promise(setImmediate);
    expect(produced.length).toBeLessThanOrEqual(3);
    open();
    await Promise.all([flushed, producer.flush(), ...sends]);
  });

  it('compresses, and the reader inflates', async () => {
    const { fetch, produced } = spoiledFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic(2);
    await using producer = posthorn.producer({ compression: 'gzip' });
    const values = numbers(1_000).map((i) => ({ text: 'again and again', i }));
    await producer.sendBatch(
      topic,
      values.map((value, i) => ({ value, partition: i % 2 })),
    );
    expect(produced[0]!.bytes).toBeLessThan(20_000);
    const read = await readAll(posthorn, topic, { from: { 0: 10, 1: 490 } });
    expect(read).toHaveLength(490 + 10);
    const even = read.filter(({ partition }) => partition === 0).map((record) => record.json());
    expect(even).toEqual(values.filter((_, i) => i % 2 === 0).slice(10));
    await producer.send(topic, { value: 'too small to shrink' });
  });
});

describe('sendBatch', () => {
  it('gives a receipt for each record, in order', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(3);
    await using producer = posthorn.producer();
    const receipts = await producer.sendBatch(
      topic,
      numbers(9).map((i) => ({ value: i, partition: i % 3 })),
    );
    expect(receipts.map(({ partition, offset }) => [partition, offset])).toEqual(
      numbers(9).map((i) => [i % 3, Math.floor(i / 3)]),
    );
  });

  it('sends nothing where a record cannot be, and tells what was stored where one was refused', async () => {
    const { fetch, produced } = spoiledFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = posthorn.producer();
    const invalid = await errorOf(producer.sendBatch(topic, [{ value: 1 }, { value: undefined as never }]));
    expect(invalid).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('record 1') });
    expect(produced).toEqual([]);
    const refused = await errorOf(producer.sendBatch(topic, [{ value: 1 }, { value: 2, partition: 9 }]));
    expect(refused.code).toBe('partition_not_found');
    expect(refused.details['receipts']).toEqual([expect.objectContaining({ offset: 0 }), null]);
  });
});

describe('order', () => {
  it('within a key is that of send, for many keys and partitions at once', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(4);
    await using producer = posthorn.producer({ batchBytes: 2_000, lingerMs: 1 });
    const sends: Promise<unknown>[] = [];
    for (let i = 0; i < 3_000; i++) {
      sends.push(producer.send(topic, { key: `key-${i % 17}`, value: i }));
      if (i % 100 === 0) await new Promise(setImmediate);
    }
    await Promise.all(sends);
    const last = new Map<string, number>();
    for (const record of await readAll(posthorn, topic)) {
      const i = record.json<number>()!;
      expect(i).toBeGreaterThan(last.get(record.keyText!) ?? -1);
      last.set(record.keyText!, i);
    }
    expect(last.size).toBe(17);
  });
});

describe('memory', () => {
  it('ready() waits while bufferBytes are on their way', async () => {
    const { fetch, open } = gatedFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = posthorn.producer({ bufferBytes: 10_000 });
    await producer.ready();
    const sends = numbers(10).map(() => producer.send(topic, { value: new Uint8Array(1_000) }));
    expect(producer.bufferedBytes).toBeGreaterThan(12_000);
    let isReady = false;
    const ready = producer.ready().then(() => (isReady = true));
    const flushed = producer.flush();
    await new Promise(setImmediate);
    expect(isReady).toBe(false);
    open();
    await Promise.all([ready, flushed, ...sends]);
    expect(producer.bufferedBytes).toBe(0);
  });

  it('a loop over ready() never holds much more', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(2);
    await using producer = posthorn.producer({ bufferBytes: 50_000 });
    let most = 0;
    let stored = 0;
    for (let i = 0; i < 2_000; i++) {
      void producer.send(topic, { value: new Uint8Array(500) }).then(() => stored++);
      most = Math.max(most, producer.bufferedBytes);
      await producer.ready();
    }
    await producer.flush();
    expect(stored).toBe(2_000);
    expect(most).toBeLessThan(51_000);
  });
});

describe('flush and close', () => {
  it('flush does not wait for company', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(3);
    const producer = posthorn.producer({ lingerMs: 60_000 });
    const sends = numbers(30).map((i) => producer.send(topic, { key: `k${i}`, value: i }));
    await producer.flush();
    const more = producer.send(topic, { value: 'more' });
    await producer.close();
    expect(await Promise.all([...sends, more])).toHaveLength(31);
    expect(await readAll(posthorn, topic)).toHaveLength(31);
  });

  it('close refuses what comes after, and may be called twice', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic();
    const producer = posthorn.producer();
    const send = producer.send(topic, { value: 1 });
    const closing = producer.close();
    expect((await errorOf(producer.send(topic, { value: 2 }))).code).toBe('closed');
    expect((await errorOf(producer.sendBatch(topic, [{ value: 2 }]))).code).toBe('closed');
    await Promise.all([closing, producer.close()]);
    expect(await send).toMatchObject({ offset: 0 });
  });

  it('flush with nothing to do, and after a failure, resolves', async () => {
    const producer = broker.client().producer();
    await producer.flush();
    const send = errorOf(producer.send('no-such-topic', { value: 1 }));
    await producer.flush();
    expect((await send).code).toBe('topic_not_found');
  });
});
