import { describe, expect, it } from 'vitest';
import type { ReceivedRecord } from '../../sdk/index.ts';
import {
  answer,
  brokerForTests,
  collect,
  dropRequest,
  errorOf,
  numbers,
  readAll,
  spoiledFetch,
} from './harness.ts';

const broker = brokerForTests();

/** A topic with values 0 to count - 1, value i in partition i % partitions, with timestamp 1,000 * i. */
async function filledTopic(count: number, partitions = 1): Promise<string> {
  const topic = await broker.topic(partitions, { retentionMs: null });
  await using producer = broker.client().producer();
  await producer.sendBatch(
    topic,
    numbers(count).map((i) => ({ value: i, partition: i % partitions, timestamp: 1_000 * i })),
  );
  return topic;
}

const valuesOf = (records: ReceivedRecord[]): unknown[] => records.map((record) => record.json());

describe('a reader starts', () => {
  it.each([
    ['earliest', 'earliest', numbers(10)],
    ['latest', 'latest', []],
    ['an offset in the middle of a batch', 4, numbers(6, 4)],
    ['a time', { timestampMs: 6_500 }, numbers(3, 7)],
    ['a date', new Date(2_000), numbers(8, 2)],
    ['a time after all', { timestampMs: 60_000 }, []],
    ['the end', 10, []],
    ['a place for each partition', { 0: 8 }, [8, 9]],
    ['a place in a Map', new Map([[0, new Date(9_000)]]), [9]],
  ] as const)('at %s', async (_, from, expected) => {
    const topic = await filledTopic(10);
    expect(valuesOf(await readAll(broker.client(), topic, { from }))).toEqual(expected);
  });

  it.each([
    ['{ timestamp }', { timestamp: 6_500 }, /from has no field "timestamp".*timestampMs/],
    ['seconds in a field of their own', { timestampMs: 1, seconds: 1 }, /from has no field "seconds"/],
    ['a time as text', { timestampMs: '6500' }, /from\.timestampMs: .* got "6500"/],
    ['a time without its value', { timestampMs: undefined }, /from\.timestampMs/],
    ['no date', new Date(NaN), /from is a Date before 1970, or none/],
    ['a wrong name in one partition', { 3: { at: 1 } }, /from of partition 3 has no field "at"/],
    ['text', 'begin', /got "begin"/],
    ['a big integer', 5n, /got 5/],
  ])('not at %s, and says which field is meant', (_, from, message) => {
    expect(() => broker.client().reader('any', { from: from as never })).toThrow(message);
  });

  it('in all partitions or those named, each in order', async () => {
    const topic = await filledTopic(100, 4);
    const all = await readAll(broker.client(), topic, { from: { 3: 20 } });
    for (const partition of numbers(4)) {
      const offsets = all.filter((record) => record.partition === partition).map(({ offset }) => offset);
      expect(offsets).toEqual(partition === 3 ? numbers(5, 20) : numbers(25));
    }
    const some = await readAll(broker.client(), topic, { partitions: [1, 2, 1] });
    expect(some).toHaveLength(50);
    expect(await readAll(broker.client(), topic, { partitions: [] })).toEqual([]);
  });
});

describe('a reader that does not follow', () => {
  it('ends where the log ended when it began', async () => {
    const posthorn = broker.client();
    const topic = await filledTopic(5);
    await using producer = posthorn.producer();
    const read: unknown[] = [];
    for await (const record of posthorn.reader(topic, { follow: false, fetchBytes: 1 })) {
      read.push(record.json());
      await producer.send(topic, { value: 'later' });
    }
    expect(read).toEqual(numbers(5));
  });

  it('fetches one ahead for each partition, and not more', async () => {
    const { fetch, requests } = spoiledFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = broker.client().producer();
    for (const i of numbers(6)) await producer.send(topic, { value: i });
    const fetches = (): number => requests.filter(({ url }) => url.pathname.endsWith('/records')).length;
    const iterator = posthorn
      .reader(topic, { follow: false, fetchBytes: 1 })
      .batches()
      [Symbol.asyncIterator]();
    for (const i of numbers(6)) {
      const { value } = await iterator.next();
      expect(value.map((record: ReceivedRecord) => record.offset)).toEqual([i]);
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(fetches()).toBe(Math.min(6, i + 2));
    }
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('gives records many at a time', async () => {
    const topic = await filledTopic(1_000, 2);
    const sizes: number[] = [];
    for await (const records of broker.client().reader(topic, { follow: false }).batches()) {
      expect(new Set(records.map(({ partition }) => partition)).size).toBe(1);
      sizes.push(records.length);
    }
    expect(sizes).toEqual([500, 500]);
  });
});

describe('a reader that follows', () => {
  it('waits for what comes, in any partition', async () => {
    const posthorn = broker.client();
    const topic = await filledTopic(2, 2);
    await using producer = posthorn.producer({ lingerMs: 0 });
    const read: unknown[] = [];
    for await (const record of posthorn.reader(topic)) {
      read.push(record.json());
      if (read.length === 12) break;
      if (read.length >= 2) void producer.send(topic, { value: read.length, partition: read.length % 2 });
    }
    expect(read.slice(2)).toEqual(numbers(10, 2));
  });

  it('goes on when a wait ends without records', async () => {
    const { fetch, requests } = spoiledFetch();
    const posthorn = broker.client({ fetch });
    const topic = await broker.topic();
    await using producer = broker.client().producer({ lingerMs: 0 });
    const reader = posthorn.reader(topic, { waitMs: 60 });
    const next = reader[Symbol.asyncIterator]().next();
    while (requests.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    await producer.send(topic, { value: 'at last' });
    expect((await next).value.json()).toBe('at last');
    expect(requests.at(-1)!.url.searchParams.get('wait_ms')).toBe('60');
    reader.close();
  });

  it('from the latest on misses nothing when a wait breaks', async () => {
    const topic = await filledTopic(3);
    const waits = Promise.withResolvers<void>();
    const waiting = Promise.withResolvers<void>();
    const spoiled = spoiledFetch();
    let breaks = 1;
    spoiled.onEach((request) => {
      if (!request.url.searchParams.has('wait_ms') || breaks-- <= 0) return undefined;
      waits.resolve();
      return waiting.promise.then(() => Promise.reject(new TypeError('connection reset')));
    });
    const next = broker.client({ fetch: spoiled.fetch }).reader(topic, { from: 'latest' }).batches();
    const batch = next[Symbol.asyncIterator]().next();
    await waits.promise;
    await using producer = broker.client().producer();
    await producer.send(topic, { value: 'meanwhile' });
    waiting.resolve();
    expect(valuesOf((await batch).value)).toEqual(['meanwhile']);
  });

  it('reads its own topics right after they were declared', async () => {
    const posthorn = broker.client();
    await using producer = posthorn.producer();
    for (const i of numbers(5)) {
      await posthorn.topics.declare('own', { partitions: i + 1 }).catch(() => null);
      await posthorn.topics.change('own', { partitions: i + 1 });
      await producer.send('own', { value: i, partition: i });
      expect(await readAll(posthorn, 'own')).toHaveLength(i + 1);
    }
  });
});

describe('a loop ends', () => {
  /** A reader that waits, and how its waiting request ended. */
  async function waitingReader(options = {}) {
    const topic = await filledTopic(1);
    const { fetch, requests } = spoiledFetch();
    const reader = broker.client({ fetch }).reader(topic, options);
    const waits = (): typeof requests => requests.filter(({ url }) => url.searchParams.has('wait_ms'));
    const isWaiting = async (): Promise<void> => {
      while (waits().length === 0) await new Promise(setImmediate);
    };
    return { reader, waits, isWaiting };
  }

  it('with break, which cancels what is under way', async () => {
    const { reader, waits, isWaiting } = await waitingReader();
    for await (const _ of reader) {
      await isWaiting();
      break;
    }
    expect(waits()[0]!.signal.aborted).toBe(true);
  });

  it('with the signal, by an error, also while it waits', async () => {
    const controller = new AbortController();
    const { reader, waits, isWaiting } = await waitingReader({ signal: controller.signal });
    const reading = errorOf(collect(reader));
    await isWaiting();
    controller.abort('enough');
    expect(await reading).toMatchObject({ code: 'aborted', cause: 'enough' });
    expect(waits()[0]!.signal.aborted).toBe(true);
    expect((await errorOf(collect(reader))).code).toBe('aborted');
  });

  it('with the signal at once, whatever has arrived already', async () => {
    const topic = await filledTopic(100);
    const controller = new AbortController();
    const read: number[] = [];
    const reading = (async () => {
      for await (const record of broker.client().reader(topic, { signal: controller.signal })) {
        read.push(record.offset);
        if (record.offset === 3) controller.abort();
      }
    })();
    expect((await errorOf(reading)).code).toBe('aborted');
    expect(read).toEqual([0, 1, 2, 3]);
  });

  it('with close, without an error', async () => {
    const { reader, waits, isWaiting } = await waitingReader();
    const reading = collect(reader);
    await isWaiting();
    reader.close();
    expect(await reading).toHaveLength(1);
    expect(waits()[0]!.signal.aborted).toBe(true);
  });
});

describe('when something is wrong', () => {
  it('that may pass, a reader tries again', async () => {
    const topic = await filledTopic(20, 2);
    const spoiled = spoiledFetch();
    let requests = 0;
    spoiled.onEach((request) => {
      requests++;
      if (requests % 3 === 0) return dropRequest(request, fetch as never);
      return requests % 3 === 1 ? answer(503)(request, fetch as never) : undefined;
    });
    const posthorn = broker.client({ fetch: spoiled.fetch });
    expect(await readAll(posthorn, topic, { fetchBytes: 1 })).toHaveLength(20);
  });

  it('for too long, it throws the last failure, after the records that came before', async () => {
    const topic = await filledTopic(5);
    const spoiled = spoiledFetch();
    let passes = 2;
    spoiled.onEach((request) => (passes-- > 0 ? undefined : dropRequest(request, fetch as never)));
    const read: unknown[] = [];
    const reading = (async () => {
      const posthorn = broker.client({ fetch: spoiled.fetch });
      for await (const record of posthorn.reader(topic, { giveUpMs: 20 })) read.push(record.json());
    })();
    expect((await errorOf(reading)).code).toBe('connection_failed');
    expect(read).toEqual(numbers(5));
  });

  it('for good, it says what', async () => {
    const posthorn = broker.client();
    const topic = await filledTopic(5);
    expect((await errorOf(readAll(posthorn, 'no-such-topic'))).code).toBe('topic_not_found');
    expect((await errorOf(readAll(posthorn, topic, { partitions: [1] }))).code).toBe('partition_not_found');
    expect(await errorOf(readAll(posthorn, topic, { from: 6 }))).toMatchObject({
      code: 'offset_past_end',
      details: { log_start_offset: 0, high_watermark: 5 },
    });
  });

  it('because retention was faster, it throws, or goes on where it is told', async () => {
    const posthorn = broker.client();
    const topic = await filledTopic(10);
    await posthorn.topics.deleteRecords(topic, 0, { before: 7 });
    const error = await errorOf(readAll(posthorn, topic, { from: 2 }));
    expect(error).toMatchObject({ code: 'offset_below_start', details: { log_start_offset: 7 } });
    const earliest = await readAll(posthorn, topic, { from: 2, onOutOfRange: 'earliest' });
    expect(valuesOf(earliest)).toEqual([7, 8, 9]);
    expect(await readAll(posthorn, topic, { from: 2, onOutOfRange: 'latest' })).toEqual([]);
    expect(await readAll(posthorn, topic, { from: 99, onOutOfRange: 'earliest' })).toHaveLength(3);
  });

  it('with the bytes, it says so', async () => {
    const topic = await filledTopic(3);
    const spoiled = spoiledFetch();
    spoiled.onEach(async (request, pass) => {
      const reply = await pass();
      if (!request.url.pathname.endsWith('/records')) return reply;
      const bytes = new Uint8Array(await reply.arrayBuffer());
      return new Response(bytes.slice(0, -4), { headers: reply.headers });
    });
    const posthorn = broker.client({ fetch: spoiled.fetch });
    expect((await errorOf(readAll(posthorn, topic))).code).toBe('truncated_batch');
  });
});
