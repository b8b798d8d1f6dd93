/**
 * Reads one topic, transforms, writes another, and is killed again and again: each input has exactly one output. Where to
 * go on is a record of the same transaction.
 */

import { expect, it } from 'vitest';
import type { Posthorn } from '../../../sdk/index.ts';
import { brokerForTests, numbers, readAll } from '../harness.ts';
import { mortalFetch } from '../client/mortal-fetch.ts';

const broker = brokerForTests();

/** A client whose process ends at its n-th request. */
const mortal = (requestsLeft: number, isLost: boolean): Posthorn =>
  broker.client({
    retry: { baseMs: 1, maxMs: 1, attempts: 1 },
    fetch: mortalFetch(requestsLeft, isLost),
  });

interface Topics {
  input: string;
  output: string;
  positions: string;
}

/** The application: a few lines. Resolves when all input is handled. */
async function copy(posthorn: Posthorn, { input, output, positions }: Topics): Promise<void> {
  const options = { transactionalId: `copy-${input}`, deliveryTimeoutMs: 5 };
  const producer = posthorn.transactionalProducer(options);
  for (;;) {
    await producer.begin(); // the first time it ends what an earlier instance left, so that the position is final
    let from = 0;
    const committed = { isolation: 'read_committed', follow: false, giveUpMs: 5 } as const;
    for await (const record of posthorn.reader(positions, committed)) from = record.json<number>()!;
    const todo: number[] = [];
    for await (const record of posthorn.reader(input, { ...committed, from })) {
      todo.push(record.json<number>()!);
      if (todo.length === 2) break;
    }
    if (todo.length === 0) return await producer.abort();
    await producer.sendBatch(
      output,
      todo.map((value) => ({ value: value * 10, partition: value % 3 })),
    );
    await producer.send(positions, { value: from + todo.length });
    await producer.commit();
  }
}

it('copies each record exactly once, wherever the process is killed', { timeout: 120_000 }, async () => {
  let kills = 0;
  for (const isLost of [true, false]) {
    const topics = {
      input: await broker.topic(),
      output: await broker.topic(3),
      positions: await broker.topic(),
    };
    await using producer = broker.client().producer();
    await producer.sendBatch(
      topics.input,
      numbers(30).map((value) => ({ value })),
    );
    for (let lives = 1; ; lives++) {
      try {
        await copy(mortal(1 + (lives % 19), isLost), topics);
        break;
      } catch {
        kills += 1; // and the next instance begins
      }
      if (lives > 500) throw new Error('it does not come to an end');
    }
    const records = await readAll(broker.client(), topics.output, { isolation: 'read_committed' });
    const values = records.map((record) => record.json<number>()!).toSorted((a, b) => a - b);
    expect(values).toEqual(numbers(30).map((value) => value * 10));
  }
  expect(kills).toBeGreaterThan(30);
});
