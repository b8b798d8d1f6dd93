/** Committed fetches by Kafka's protocol, while a transaction is open. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { RawClient } from '../support/raw-client.ts';
import { RawTransactions } from '../support/raw-transactions.ts';
import { KafkaBroker, newName } from '../support/support.ts';

let kafka: KafkaBroker;
beforeAll(async () => {
  kafka = await KafkaBroker.start();
});
afterAll(async () => {
  await kafka?.stop();
});

describe('a committed fetch', () => {
  it('says where the log ends behind an open transaction, apart from the last stable offset', async () => {
    const topic = await kafka.topic();
    const producer = await RawTransactions.connect(kafka.server.port, newName());
    const client = await RawClient.connect(kafka.server.port);
    const fetchOne = async (): Promise<Record<string, unknown>> => {
      const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }];
      const body = { isolationLevel: 1, maxWaitMs: 100, minBytes: 1, maxBytes: 1_000_000 };
      const { responses } = await client.send('Fetch', 11, { ...body, topics: [{ topic, partitions }] });
      return (responses as { partitions: Record<string, unknown>[] }[])[0]!.partitions[0]!;
    };
    const ends = async (): Promise<unknown[]> => {
      const { highWatermark, lastStableOffset } = await fetchOne();
      return [highWatermark, lastStableOffset];
    };
    await expect.poll(ends).toEqual([0, 0]);
    expect(await producer.init()).toMatchObject({ errorCode: ERRORS.NONE });
    expect(await producer.addPartitions(topic)).toBe(ERRORS.NONE);
    for (const end of [1, 2, 3]) {
      expect(await producer.produce(topic, `record ${end}`)).toBe(ERRORS.NONE);
      await expect.poll(ends, { timeout: 10_000 }).toEqual([end, 0]);
    }
    expect(await producer.end(true)).toMatchObject({ errorCode: ERRORS.NONE });
    await expect.poll(ends, { timeout: 10_000 }).toEqual([4, 4]);
    producer.close();
    client.socket.destroy();
    expect(kafka.faults).toEqual([]);
  });
});
