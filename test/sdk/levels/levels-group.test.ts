/** The delivery levels of a group's consumer by name, under crashes of the consumer and faults of the network. */

import { describe, expect, it } from 'vitest';
import type { ExactlyOnceGroupOptions, GroupConsumerOptions, PosthornError } from '../../../sdk/index.ts';
import {
  answer,
  brokerForTests,
  dropReply,
  dropRequest,
  errorOf,
  numbers,
  readAll,
  spoiledFetchOf,
  until,
} from '../harness.ts';
import { CRASH_AT, INPUTS, MOMENTS, never, Work } from '../once/two-lives.ts';

const broker = brokerForTests();

describe.each(MOMENTS)('a member of a group that crashes %s', (moment) => {
  async function live(options: Omit<GroupConsumerOptions, 'group'>): Promise<Work> {
    const topic = await broker.topic();
    await using producer = broker.client().producer();
    await producer.sendBatch(
      topic,
      numbers(INPUTS).map((value) => ({ value })),
    );
    const work = new Work();
    const end = new AbortController();
    const common = { group: topic, topics: [topic], instanceId: 'it', maxBatchRecords: 2, ...options };
    const first = broker.client().consumer({
      ...common,
      signal: end.signal,
      eachRecord: (record) => {
        const number = record.json<number>()!;
        const isCrash = number === CRASH_AT;
        if (!isCrash || moment !== 'before the work') work.do(number);
        if (!isCrash) return undefined;
        end.abort();
        return never();
      },
    });
    expect((await errorOf(first.done)).code).toBe('aborted');
    const second = broker.client().consumer({
      ...common,
      eachRecord: (record) => work.do(record.json<number>()!),
    });
    await until(async () => (await broker.client().groups.offsets(topic)).every(({ lag }) => lag === 0));
    await second.stop();
    return work;
  }

  it('loses records at most once, and has none twice', async () => {
    const { all } = await live({ delivery: 'at-most-once' });
    expect(Math.max(...all)).toBe(1);
    expect(all[CRASH_AT]).toBe(moment === 'before the work' ? 0 : 1);
    expect(all.filter((count) => count === 0).length).toBeLessThanOrEqual(1);
  });

  it('loses none at least once', async () => {
    const { all } = await live({ delivery: 'at-least-once', commit: 'batch' });
    expect(Math.min(...all)).toBe(1);
    expect(all[CRASH_AT]).toBe(moment === 'before the work' ? 1 : 2);
  });

  it.each(['eachRecord', 'eachBatch'] as const)(
    'has the results of each exactly once, with %s',
    async (by) => {
      const [input, output] = [await broker.topic(2), await broker.topic()];
      await using producer = broker.client().producer();
      await producer.sendBatch(
        input,
        numbers(INPUTS).map((value) => ({ value, partition: value % 2 })),
      );
      const run = (end: AbortController | null) => {
        const posthorn = broker.client();
        const transactional = posthorn.transactionalProducer({ transactionalId: input });
        const work = async (number: number, transaction: typeof transactional): Promise<void> => {
          const isCrash = end !== null && number === CRASH_AT;
          if (isCrash && moment === 'before the work') end.abort();
          if (isCrash && end.signal.aborted) return await never();
          const sent = transaction.send(output, { value: number });
          if (!isCrash) return;
          await sent; // it is stored, and nothing is committed
          end.abort();
          await never();
        };
        return posthorn.consumer({
          delivery: 'exactly-once',
          producer: transactional,
          group: input,
          topics: [input],
          instanceId: 'it',
          maxBatchRecords: 2,
          signal: end?.signal,
          eachRecord:
            by === 'eachRecord'
              ? (record, transaction) => work(record.json<number>()!, transaction)
              : undefined,
          eachBatch:
            by === 'eachBatch'
              ? async ({ records }, transaction) => {
                  for (const record of records) await work(record.json<number>()!, transaction);
                }
              : undefined,
        });
      };
      expect((await errorOf(run(new AbortController()).done)).code).toBe('aborted');
      const second = run(null);
      await until(async () => (await broker.client().groups.offsets(input)).every(({ lag }) => lag === 0));
      await second.stop();
      const values = (await readAll(broker.client(), output, { delivery: 'exactly-once' })).map((record) =>
        record.json<number>()!,
      );
      expect(values.toSorted((a, b) => a - b)).toEqual(numbers(INPUTS));
    },
  );
});

describe('a member of a group at most once', () => {
  it('tells of a handler that throws, and goes on', async () => {
    const topic = await broker.topic();
    await using producer = broker.client().producer();
    await producer.sendBatch(
      topic,
      numbers(4).map((value) => ({ value })),
    );
    const told: unknown[] = [];
    const seen: number[] = [];
    const consumer = broker.client().consumer({
      delivery: 'at-most-once',
      group: topic,
      topics: [topic],
      eachRecord: async (record) => {
        seen.push(record.json<number>()!);
        if (record.offset === 1) throw new Error('thrown');
      },
      onError: (error, record) => told.push([(error as Error).message, record?.offset]),
    });
    await until(() => seen.length === 4);
    await consumer.stop();
    expect([seen, told]).toEqual([numbers(4), [['thrown', 1]]]);
  });

  it('begins with nothing before its commit is taken', async () => {
    const topic = await broker.topic();
    await using producer = broker.client().producer();
    await producer.sendBatch(
      topic,
      numbers(2).map((value) => ({ value })),
    );
    const spoiled = spoiledFetchOf(/\/offsets$/, dropReply, dropRequest, answer(503));
    const committed: (number | null)[] = [];
    const consumer = broker.client({ fetch: spoiled.fetch }).consumer({
      delivery: 'at-most-once',
      group: topic,
      topics: [topic],
      eachRecord: async () => {
        committed.push((await broker.client().groups.offsets(topic))[0]!.offset);
      },
    });
    await until(() => committed.length === 2);
    await consumer.stop();
    expect(committed).toEqual([2, 2]);
  });
});

describe('a member of a group exactly once', () => {
  const TRANSACTION = /\/transactions\/.*\/(commit|abort|offsets)$/;

  const copy = async (
    fetch: Parameters<typeof broker.client>[0] & {},
    options: Partial<ExactlyOnceGroupOptions> = {},
  ) => {
    const [input, output] = [await broker.topic(), await broker.topic()];
    await using producer = broker.client().producer();
    await producer.sendBatch(
      input,
      numbers(INPUTS).map((value) => ({ value })),
    );
    const posthorn = broker.client(fetch);
    const errors: PosthornError[] = [];
    const transactional = posthorn.transactionalProducer({ transactionalId: input, deliveryTimeoutMs: 50 });
    const consumer = posthorn.consumer({
      delivery: 'exactly-once',
      producer: transactional,
      group: input,
      topics: [input],
      maxBatchRecords: 4,
      retry: { scheduleMs: numbers(12) },
      eachRecord: (record, transaction) => {
        void transaction.send(output, { value: record.json<number>()! }).catch(() => {});
      },
      onError: (error) => errors.push(error as PosthornError),
      ...options,
    });
    const values = async (): Promise<number[]> =>
      (await readAll(broker.client(), output, { delivery: 'exactly-once' })).map((record) =>
        record.json<number>()!,
      );
    return { input, output, consumer, values, errors };
  };

  it.each([
    ['a request that is lost', dropRequest],
    ['a reply that is lost', dropReply],
    ['an answer of 503', answer(503)],
  ])('asks again after %s, and has each result once', async (_, spoiler) => {
    const spoiled = spoiledFetchOf(TRANSACTION, ...Array.from({ length: 12 }, () => spoiler));
    const { consumer, values } = await copy({ fetch: spoiled.fetch, retry: { baseMs: 1, attempts: 1 } });
    await until(async () => (await values()).length >= INPUTS);
    await consumer.stop();
    expect(await values()).toEqual(numbers(INPUTS));
  });

  it('ends where it cannot be known whether a transaction was committed, and the next one goes on rightly', async () => {
    let input = '';
    let output = '';
    let isTaken = false;
    // The commit is carried out, nobody hears of it, and another instance takes over before it is asked for again.
    const spoiled = spoiledFetchOf(/\/commit$/, async (_request, pass) => {
      await (await pass()).arrayBuffer();
      await fetch(`${broker.url}/v1/default/producers`, {
        method: 'POST',
        body: JSON.stringify({ transactional_id: input }),
      });
      isTaken = true;
      throw new TypeError('connection reset');
    });
    const copied = await copy({ fetch: spoiled.fetch });
    ({ input, output } = copied);
    expect((await errorOf(copied.consumer.done)).code).toBe('producer_fenced');
    expect(isTaken).toBe(true);
    const posthorn = broker.client();
    const second = posthorn.consumer({
      delivery: 'exactly-once',
      producer: posthorn.transactionalProducer({ transactionalId: input }),
      group: input,
      topics: [input],
      eachBatch: ({ records }, transaction) => {
        for (const record of records) void transaction.send(output, { value: record.json<number>()! });
      },
    });
    await until(async () => (await copied.values()).length >= INPUTS);
    await second.stop();
    expect(await copied.values()).toEqual(numbers(INPUTS));
  });

  it('aborts what a handler that throws has sent, and handles its records again', async () => {
    let isFirst = true;
    const copied = await copy(
      {},
      {
        eachRecord: undefined,
        eachBatch: async (batch, transaction, { attempt }) => {
          for (const record of batch.records) {
            void transaction.send(copied.output, { value: record.json<number>()! });
            if (!isFirst || record.offset !== 1) continue;
            isFirst = false;
            throw new Error(`attempt ${attempt}`);
          }
        },
      },
    );
    const { consumer, values, errors } = copied;
    await until(async () => (await values()).length >= INPUTS);
    await consumer.stop();
    expect(await values()).toEqual(numbers(INPUTS));
    expect(errors).toMatchObject([{ message: 'attempt 1' }]);
  });

  it('ends after the last retry, without a trace of its records', async () => {
    const { consumer, values } = await copy(
      {},
      {
        retry: { scheduleMs: [1] },
        eachRecord: () => Promise.reject(new Error('thrown')),
      },
    );
    expect(await errorOf(consumer.done)).toMatchObject({ code: 'handler_failed', details: { attempts: 2 } });
    expect(await values()).toEqual([]);
  });
});

describe('a transactional producer whose abort had no answer', () => {
  it('commits nothing of it, and begins the next transaction', async () => {
    const topic = await broker.topic();
    let isDown = true;
    const spoiled = spoiledFetchOf(/\/abort$/);
    spoiled.onEach((request, pass) =>
      isDown && /abort$/.test(request.url.pathname) ? dropRequest(request, pass) : undefined,
    );
    const posthorn = broker.client({ fetch: spoiled.fetch, retry: { baseMs: 1, attempts: 1 } });
    const producer = posthorn.transactionalProducer({ transactionalId: topic, deliveryTimeoutMs: 5 });
    await producer.begin();
    await producer.send(topic, { value: 'half' });
    expect((await errorOf(producer.abort())).code).toBe('connection_failed');
    expect((await errorOf(producer.commit())).code).toBe('connection_failed'); // an abort again
    isDown = false;
    await producer.run((transaction) => transaction.send(topic, { value: 'whole' }));
    const records = await readAll(broker.client(), topic, { delivery: 'exactly-once' });
    expect(records.map((record) => record.json())).toEqual(['whole']);
  });
});
