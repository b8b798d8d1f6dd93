/**
 * Consume, transform, produce, as an application writes it: the consumer of a group hands out batches, and their results and
 * offsets are one transaction. The job is aborted again and again, and begins anew under its names.
 */

import { expect, it } from 'vitest';
import { brokerForTests, readAll } from '../harness.ts';

const broker = brokerForTests();

const RECORDS = 400;
const LIVES = 6;

it('gives each input exactly one output, however often the job ends in the middle', async () => {
  const [input, output] = [await broker.topic(2), await broker.topic(2)];
  const producer = broker.client().producer();
  for (let number = 0; number < RECORDS; number++) {
    void producer.send(input, { key: `k${number % 20}`, value: { number } });
  }
  await producer.close();

  const outputs = async (): Promise<number[]> =>
    (await readAll(broker.client(), output, { isolation: 'read_committed' })).map(
      (record) => record.json<{ doubled: number }>()!.doubled / 2,
    );

  for (let life = 1; life <= LIVES; life++) {
    const isLast = life === LIVES;
    const posthorn = broker.client();
    const end = new AbortController();
    const transactional = posthorn.transactionalProducer({ transactionalId: `copy-${input}` });
    let batches = 0;
    const consumer = posthorn.consumer({
      group: `copy-${input}`,
      topics: [input],
      instanceId: 'copier',
      isolation: 'read_committed',
      commit: 'manual',
      concurrency: 1,
      maxBatchRecords: 15,
      signal: end.signal,
      eachBatch: (batch) =>
        transactional.run((transaction) => {
          for (const record of batch.records) {
            const { number } = record.json<{ number: number }>()!;
            void transaction.send(output, { key: record.keyText, value: { doubled: number * 2 } });
          }
          // Aborted before the offsets are in it, or while they are on their way.
          if (!isLast && ++batches > life) end.abort();
          return transaction.sendOffsets(batch.owner, [batch.position]);
        }),
    });
    consumer.done.catch(() => {});
    if (isLast) {
      await expect.poll(outputs, { timeout: 20_000 }).toHaveLength(RECORDS);
      await consumer.stop();
    } else await expect(consumer.done).rejects.toMatchObject({ code: 'aborted' });
    await transactional.close().catch(() => {});
  }
  const numbers = await outputs();
  expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: RECORDS }, (_, number) => number));
});
