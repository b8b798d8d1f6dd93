/** The delivery levels of a queue's consumer by name, under a crash before the work and between the work and telling of it. */

import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import {
  sqliteStore,
  sqliteTransactionStore,
  type ConsumerOptions,
  type ExactlyOnceConsumerOptions,
  type IdempotencyStore,
} from '../../../sdk/index.ts';
import { brokerForTests, errorOf, numbers, until } from '../harness.ts';
import { CRASH_AT, INPUTS, MOMENTS, never, Work } from '../once/two-lives.ts';

const broker = brokerForTests();

async function publish(queue: string, count = INPUTS): Promise<void> {
  await using publisher = broker.client().publisher({ messageIds: true });
  await Promise.all(numbers(count).map((body) => publisher.sendToQueue(queue, { body: body as never })));
}

async function isEmpty(queue: string): Promise<boolean> {
  const { ready, leased, parked } = (await broker.client().queues.get(queue)).state;
  return ready + leased + parked === 0;
}

describe.each(MOMENTS)('a consumer of a queue that crashes %s', (moment) => {
  /** Lives twice: the first ends in the middle. */
  async function live(
    options: ConsumerOptions | ExactlyOnceConsumerOptions,
    crashed: () => unknown = never,
  ): Promise<Work> {
    const queue = await broker.queue({ leaseMs: 1_000, retry: { scheduleMs: [1, 1, 1] } });
    await publish(queue);
    const work = new Work();
    const end = new AbortController();
    const common = { concurrency: 1, prefetch: 2, ...options };
    const first = broker.client().consumer(
      queue,
      (message) => {
        const number = message.json<number>()!;
        const isCrash = number === CRASH_AT;
        if (!isCrash || moment !== 'before the work') work.do(number);
        if (!isCrash) return undefined;
        end.abort();
        return crashed();
      },
      { ...common, signal: end.signal },
    );
    expect((await errorOf(first.done)).code).toBe('aborted');
    const second = broker.client().consumer(queue, (message) => work.do(message.json<number>()!), common);
    await until(() => isEmpty(queue));
    await second.stop();
    return work;
  }

  it('loses messages at most once, and has none twice', async () => {
    const { all } = await live({ delivery: 'at-most-once' });
    expect(Math.max(...all)).toBe(1);
    // What it had is gone: the one in hand and the one that waited.
    expect(all.filter((count) => count === 0).length).toBeLessThanOrEqual(2);
    expect(all[CRASH_AT]).toBe(moment === 'before the work' ? 0 : 1);
  });

  it('loses none at least once', async () => {
    for (const options of [{ delivery: 'at-least-once' }, { transport: 'poll' }] as const) {
      const { all } = await live(options);
      expect(Math.min(...all)).toBe(1);
      expect(all[CRASH_AT]).toBe(moment === 'before the work' ? 1 : 2);
    }
  });

  it('has each exactly once, with the work and its mark in one transaction', async () => {
    const handled = sqliteTransactionStore(new DatabaseSync(':memory:'));
    const { all } = await live({ delivery: 'exactly-once', handled }, () => {
      // A transaction that the process does not come to the end of is not there.
      if (moment === 'before the work') throw new Error('crashed');
    });
    expect(all).toEqual(numbers(INPUTS).map(() => 1));
  });

  it('has each exactly once with claims, after the claim of the one that crashed', async () => {
    const handled = sqliteStore(new DatabaseSync(':memory:'));
    const crashed = moment === 'before the work' ? never : undefined; // else it has noted the end
    const { all } = await live(
      { delivery: 'exactly-once', handled, once: { leaseMs: 1_500 } },
      crashed ?? (() => {}),
    );
    expect(all).toEqual(numbers(INPUTS).map(() => 1));
  });
});

describe('a consumer of a queue at most once', () => {
  it('has nothing to settle, and tells of a handler that throws without trying it again', async () => {
    const queue = await broker.queue();
    await publish(queue, 3);
    const told: unknown[] = [];
    let runs = 0;
    const consumer = broker.client().consumer(
      queue,
      async (message) => {
        runs++;
        expect(message.isSettled).toBe(true);
        throw new Error('thrown');
      },
      { delivery: 'at-most-once', onError: (error) => told.push((error as Error).message) },
    );
    await until(() => told.length === 3);
    await consumer.stop();
    expect([runs, await isEmpty(queue)]).toEqual([3, true]);
    expect(await broker.client().queues.get(queue)).toMatchObject({ state: { ready: 0 } });
  });

  it('handles what it has before it stops: nobody else would', async () => {
    const queue = await broker.queue();
    await publish(queue, 50);
    const work = new Work();
    const gate = Promise.withResolvers<void>();
    const consumer = broker.client().consumer(
      queue,
      async (message) => {
        await gate.promise;
        work.do(message.json<number>()!);
      },
      { delivery: 'at-most-once', concurrency: 1 },
    );
    await until(() => consumer.inHand === 50);
    const stopped = consumer.stop();
    gate.resolve();
    await stopped;
    expect(work.counts.size).toBe(50);
  });

  it('takes no more than its prefetch', async () => {
    const queue = await broker.queue();
    await publish(queue, 20);
    const gate = Promise.withResolvers<void>();
    const consumer = broker.client().consumer(queue, () => gate.promise, {
      delivery: 'at-most-once',
      prefetch: 5,
    });
    await until(() => consumer.inHand === 5);
    expect((await broker.client().queues.get(queue)).state.ready).toBe(15);
    gate.resolve();
    await until(() => isEmpty(queue));
    await consumer.stop();
  });
});

describe('a consumer of a queue exactly once', () => {
  const consume = async (
    queue: string,
    handled: IdempotencyStore,
    handler: (number: number) => unknown,
    options: Partial<ExactlyOnceConsumerOptions> = {},
  ): Promise<unknown[]> => {
    const told: unknown[] = [];
    const consumer = broker.client().consumer(queue, (message) => handler(message.json<number>()!), {
      delivery: 'exactly-once',
      handled,
      onError: (error) => told.push(error),
      ...options,
    });
    await until(() => isEmpty(queue));
    await consumer.stop();
    return told;
  };

  it('has a message that was published twice once, and the same id of another queue too', async () => {
    const handled = sqliteTransactionStore(new DatabaseSync(':memory:'));
    const queues = [await broker.queue(), await broker.queue()];
    await using publisher = broker.client().publisher();
    const seen: number[] = [];
    for (const queue of queues) {
      for (const messageId of ['a', 'a', 'b']) {
        await publisher.sendToQueue(queue, { body: 1 as never, properties: { messageId } });
      }
      await consume(queue, handled, (number) => seen.push(number));
    }
    expect(seen).toHaveLength(4);
  });

  it('goes by what it is told where messages have no id', async () => {
    const handled = sqliteTransactionStore(new DatabaseSync(':memory:'));
    const queue = await broker.queue();
    await using publisher = broker.client().publisher();
    for (const body of [1, 2, 1]) await publisher.sendToQueue(queue, { body: body as never });
    const seen: number[] = [];
    await consume(queue, handled, (number) => seen.push(number), {
      once: { idOf: (message) => message.text()! },
    });
    expect(seen).toEqual([1, 2]);
  });

  it('dead-letters at once what has no id, and says why', async () => {
    const handled = sqliteTransactionStore(new DatabaseSync(':memory:'));
    const queue = await broker.queue();
    await using publisher = broker.client().publisher();
    await publisher.sendToQueue(queue, { body: 1 as never });
    const told = await consume(queue, handled, () => expect.unreachable());
    expect(told).toMatchObject([{ code: 'invalid_argument' }]);
    const isDead = async (): Promise<string | undefined> => {
      for await (const { error } of broker.client().deadLetters.list(queue))
        return error?.message ?? undefined;
      return undefined;
    };
    await expect.poll(isDead, { timeout: 10_000 }).toContain('needs a message id');
  });

  it('waits for a run that may still be going on, without counting failures', async () => {
    const database = new DatabaseSync(':memory:');
    const handled = sqliteStore(database);
    const queue = await broker.queue({ retry: { scheduleMs: [] } }); // the first failure would be a death
    await using publisher = broker.client().publisher();
    await publisher.sendToQueue(queue, { body: 1 as never, properties: { messageId: 'held' } });
    await handled.claim(`${queue}/held`, 'somebody', 1_200);
    const seen: number[] = [];
    expect(await consume(queue, handled, (number) => seen.push(number))).toEqual([]);
    expect(seen).toEqual([1]);
  });

  it('stops without waiting for others, and gives the message back', async () => {
    const handled = sqliteStore(new DatabaseSync(':memory:'));
    const queue = await broker.queue();
    await using publisher = broker.client().publisher();
    await publisher.sendToQueue(queue, { body: 1 as never, properties: { messageId: 'held' } });
    await handled.claim(`${queue}/held`, 'somebody', 600_000);
    const consumer = broker.client().consumer(queue, () => expect.unreachable(), {
      delivery: 'exactly-once',
      handled,
    });
    await until(() => consumer.inHand === 1);
    await consumer.stop();
    await expect.poll(async () => (await broker.client().queues.get(queue)).state.ready).toBe(1);
  });

  it('undoes what a handler has written that throws or returns a promise', async () => {
    const database = new DatabaseSync(':memory:');
    database.exec('CREATE TABLE effects (number INTEGER)');
    const handled = sqliteTransactionStore(database);
    const queue = await broker.queue({ retry: { scheduleMs: [1, 1] } });
    await publish(queue, 1);
    let runs = 0;
    const told = await consume(queue, handled, (number) => {
      database.prepare('INSERT INTO effects VALUES (?)').run(number);
      runs++;
      if (runs === 1) throw new Error('thrown');
      return runs === 2 ? Promise.reject(new Error('late')) : undefined;
    });
    expect(told).toMatchObject([{ message: 'thrown' }, { code: 'invalid_argument' }]);
    expect(database.prepare('SELECT * FROM effects').all()).toHaveLength(1);
  });
});
