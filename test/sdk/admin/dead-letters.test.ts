import { describe, expect, it } from 'vitest';
import type { DeadLetter, ReplayProgress } from '../../../sdk/index.ts';
import { brokerForTests, dropReply, errorOf, spoiledFetchOf, until } from '../harness.ts';

const broker = brokerForTests();

class OrderError extends Error {
  override name = 'OrderError';
}

/** A queue whose consumer has failed with every message. */
async function failed(bodies: readonly object[]): Promise<string> {
  const posthorn = broker.client();
  const queue = await broker.queue({ retry: { scheduleMs: [] } });
  await using publisher = posthorn.publisher();
  await Promise.all(bodies.map((body) => publisher.sendToQueue(queue, { body, headers: { from: 'test' } })));
  let seen = 0;
  const consumer = posthorn.consumer(
    queue,
    () => {
      seen += 1;
      throw new OrderError('no such customer');
    },
    { consumerId: 'shop', waitMs: 10, onError: () => {} },
  );
  await until(() => seen === bodies.length);
  await consumer.stop();
  await until(async () => (await all(queue)).length === bodies.length);
  return queue;
}

async function all(queue: string, filter = {}): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of broker.client().deadLetters.list(queue, filter)) letters.push(letter);
  return letters;
}

describe('dead letters', () => {
  it('carry what the handler threw, and are found by it', async () => {
    const queue = await failed([{ n: 1 }, { n: 2 }]);
    const letters = await all(queue, {
      errorType: 'OrderError',
      from: new Date(0),
      reason: 'delivery_limit',
    });
    expect(letters.map(({ originalMessage: { body } }) => body)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(letters[0]).toMatchObject({
      originalMessage: { headers: { from: 'test' } },
      error: {
        type: 'OrderError',
        message: 'no such customer',
        stackTrace: expect.stringContaining('at ') as string,
      },
      metadata: {
        retryCount: 0,
        originalQueue: queue,
        consumerId: 'shop',
        reason: 'delivery_limit',
        history: [{ queue, count: 1, firstAt: expect.any(String) as string }],
      },
    });
    expect(await all(queue, { errorType: 'Other' })).toEqual([]);
    const { deadLetters } = broker.client();
    expect(await deadLetters.get(queue, letters[1]!.id)).toEqual(letters[1]);
    const lines: string[] = [];
    for await (const line of deadLetters.export(queue)) lines.push(line);
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(letters.map(({ id }) => id));
  });

  it('are replayed with progress, and purged', async () => {
    const queue = await failed([{ n: 1 }, { n: 2 }, { n: 3 }]);
    const { deadLetters, queues } = broker.client();
    const [first] = await all(queue);
    expect(await deadLetters.dryRun(queue, { ids: [first!.id] })).toEqual({
      queue: `${queue}.dlq`,
      wouldReplay: 1,
      wouldSkip: 0,
    });
    const seen: ReplayProgress[] = [];
    const order = { ids: [first!.id], onProgress: (progress: ReplayProgress) => seen.push(progress) };
    expect(await deadLetters.replay(queue, order)).toMatchObject({ state: 'done', moved: 1, total: 1 });
    expect(seen.at(-1)).toMatchObject({ state: 'done', moved: 1 });
    await until(async () => (await queues.get(queue)).state.ready === 1);
    expect(await deadLetters.purge(queue, { reason: 'delivery_limit' })).toBe(2);
    expect(await all(queue)).toEqual([]);
    expect(await errorOf(deadLetters.get(queue, first!.id))).toMatchObject({ code: 'dead_letter_not_found' });
  });

  it('are replayed once where a reply was lost, and changed ones are sent once', async () => {
    const queue = await failed([{ n: 1 }, { n: 2 }, { n: 3 }]);
    const { fetch } = spoiledFetchOf(/(replay|resend)$/, dropReply, dropReply);
    const { deadLetters } = broker.client({ fetch });
    expect(await deadLetters.replay(queue, { limit: 1 })).toMatchObject({ moved: 1 });
    const [second] = await all(queue);
    await deadLetters.resend(queue, second!.id, { body: { n: 'two' } });
    await until(async () => (await broker.client().queues.get(queue)).state.ready === 2);
    const bodies = (await broker.client().queues.peek(queue)).map(({ body }) => body);
    expect(bodies).toEqual([{ n: 1 }, { n: 'two' }]);
    expect(await all(queue)).toHaveLength(1);
  });
});
