/** ListOffsets, with the answers that Kafka 4.4 gives to the same requests. */

import { describe, expect, it } from 'vitest';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { RawClient } from './support/raw-client.ts';
import { type KafkaBroker, kafkaForTests } from './support/support.ts';

let kafka: KafkaBroker;
kafkaForTests((started) => (kafka = started));

const T = Date.now() - 100_000;
const ALL = 0;
const COMMITTED = 1;

async function produce(client: RawClient, topic: string, times: number[], more = {}): Promise<void> {
  const value = new TextEncoder().encode('v');
  const records = encodeBatch(
    times.map((timestamp) => ({ key: null, value, timestamp })),
    more,
  );
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
  const transactionalId = 'producerId' in more ? topic : null;
  const body = { transactionalId, acks: -1, timeoutMs: 5_000, topicData };
  const { responses } = await client.send('Produce', 9, body);
  expect(responses).toMatchObject([{ partitionResponses: [{ errorCode: 0 }] }]);
}

/** As `code offset timestamp`. */
async function found(
  client: RawClient,
  topic: string,
  timestamp: number,
  isolationLevel: number,
): Promise<string> {
  const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }];
  const { topics } = await client.send('ListOffsets', 11, {
    isolationLevel,
    topics: [{ name: topic, partitions }],
  });
  const [answer] = (
    topics as { partitions: { errorCode: number; offset: number; timestamp: number }[] }[]
  )[0]!.partitions;
  const { errorCode, offset, timestamp: own } = answer!;
  return `${errorCode} ${offset} ${own < 0 ? own : `T+${own - T}`}`;
}

describe('ListOffsets', () => {
  it('of an empty log finds its ends', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    for (const [timestamp, answer] of [
      [-1, '0 0 -1'],
      [-2, '0 0 -1'],
      [-3, '0 -1 -1'],
      [-4, '0 0 -1'],
      [-5, '0 -1 -1'],
      [-7, `${ERRORS.UNSUPPORTED_VERSION} -1 -1`],
      [0, '0 -1 -1'],
    ] as const) {
      expect([timestamp, await found(client, topic, timestamp, ALL)]).toEqual([timestamp, answer]);
    }
    client.socket.destroy();
  });

  it('and the end of an epoch are those of the one leader', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    await produce(client, topic, [T, T]);
    const ask = async (name: string, partition: number, leaderEpoch: number): Promise<unknown> => {
      const topics = [{ topic: name, partitions: [{ partition, currentLeaderEpoch: 0, leaderEpoch }] }];
      const answer = await client.send('OffsetForLeaderEpoch', 4, { replicaId: -2, topics });
      return (answer['topics'] as { partitions: unknown[] }[])[0]!.partitions[0];
    };
    expect(await ask(topic, 0, 0)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 2 });
    expect(await ask(topic, 0, 1)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1 });
    expect(await ask(topic, 9, 0)).toMatchObject({ errorCode: ERRORS.UNKNOWN_TOPIC_OR_PARTITION });
    expect(await ask('nowhere', 0, 0)).toMatchObject({ errorCode: ERRORS.UNKNOWN_TOPIC_OR_PARTITION });
    client.socket.destroy();
  });

  it('finds records by time, whatever order their times are in, and leaves out those without', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    await produce(client, topic, [-1]);
    expect(await found(client, topic, -3, ALL)).toBe('0 0 -1');
    await produce(client, topic, [T, T + 300, T + 200]);
    await produce(client, topic, [T + 100, T + 300]);
    for (const [timestamp, answer] of [
      [-1, '0 6 -1'],
      [-2, '0 0 -1'],
      [-3, '0 2 T+300'],
      [0, '0 1 T+0'],
      [T, '0 1 T+0'],
      [T + 50, '0 2 T+300'],
      [T + 200, '0 2 T+300'],
      [T + 301, '0 -1 -1'],
    ] as const) {
      expect([timestamp, await found(client, topic, timestamp, ALL)]).toEqual([timestamp, answer]);
    }
    await kafka.posthorn.topics.deleteRecords(topic, 0, { before: 3 });
    expect(await found(client, topic, -2, ALL)).toBe('0 3 -1');
    expect(await found(client, topic, -3, ALL)).toBe('0 5 T+300');
    expect(await found(client, topic, T, ALL)).toBe('0 3 T+200');
    client.socket.destroy();
  });

  it('finds what is past the first open transaction only for those who may see it', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const init = { transactionalId: topic, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
    const { producerId, producerEpoch } = await client.send('InitProducerId', 4, init);
    await produce(client, topic, [T]);
    const identity = { producerId: Number(producerId), producerEpoch: Number(producerEpoch) };
    await produce(client, topic, [T + 50], { ...identity, baseSequence: 0, isTransactional: true });
    await produce(client, topic, [T + 20]);
    for (const [timestamp, isolation, answer] of [
      [-1, ALL, '0 3 -1'],
      [-1, COMMITTED, '0 1 -1'],
      [-3, ALL, '0 1 T+50'],
      [-3, COMMITTED, '0 -1 -1'],
      [T + 10, ALL, '0 1 T+50'],
      [T + 10, COMMITTED, '0 -1 -1'],
      [T, COMMITTED, '0 0 T+0'],
    ] as const) {
      expect([timestamp, await found(client, topic, timestamp, isolation)]).toEqual([timestamp, answer]);
    }
    await client.send('EndTxn', 3, { transactionalId: topic, ...identity, committed: false });
    // An aborted record is found all the same.
    expect(await found(client, topic, T + 10, COMMITTED)).toBe('0 1 T+50');
    client.socket.destroy();
  });
});
