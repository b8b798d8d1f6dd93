/** Topics with kafkajs's admin, unmodified. */

import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { KafkaBroker, kafkaForTests, newName } from './support/support.ts';
import { RawClient } from './support/raw-client.ts';

let kafka: KafkaBroker;
kafkaForTests((started) => (kafka = started));

describe("kafkajs's admin", () => {
  it('creates, lists, widens and deletes topics', async () => {
    const topic = newName();
    await kafka.withAdmin(async (admin) => {
      const made = { topic, numPartitions: 3, configEntries: [{ name: 'retention.ms', value: '60000' }] };
      expect(await admin.createTopics({ topics: [made] })).toBe(true);
      expect(await kafka.posthorn.topics.get(topic)).toMatchObject({ partitions: 3, retentionMs: 60_000 });
      expect(await admin.createTopics({ topics: [{ topic }] })).toBe(false);
      expect(await admin.listTopics()).toContain(topic);
      await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      expect(topics[0]!.partitions).toHaveLength(5);
      await admin.deleteTopics({ topics: [topic] });
      expect(await admin.listTopics()).not.toContain(topic);
    });
  });

  it.each<[string, number[][] | null, number, partitions: number]>([
    ['nothing', null, ERRORS.NONE, 3],
    ['the one broker', [[1], [1]], ERRORS.NONE, 3],
    ['a broker that is not there', [[1], [7]], ERRORS.INVALID_REPLICA_ASSIGNMENT, 1],
    ['two replicas', [[1], [1, 2]], ERRORS.INVALID_REPLICA_ASSIGNMENT, 1],
    ['too few partitions', [[1]], ERRORS.INVALID_REPLICA_ASSIGNMENT, 1],
  ])('widens a topic as its new partitions are assigned: %s', async (_, brokers, errorCode, partitions) => {
    const name = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const assignments = brokers?.map((brokerIds) => ({ brokerIds })) ?? null;
    const topics = [{ name, count: 3, assignments }];
    const answer = await client.send('CreatePartitions', 3, {
      topics,
      timeoutMs: 1_000,
      validateOnly: false,
    });
    expect(answer['results']).toMatchObject([{ name, errorCode }]);
    client.socket.destroy();
    expect(await kafka.posthorn.topics.get(name)).toMatchObject({ partitions });
  });

  it('finds the ends of a log, and offsets by time', async () => {
    const topic = await kafka.topic();
    const messages = [1_000, 2_000, 3_000].map((timestamp) => ({ value: 'v', timestamp: String(timestamp) }));
    await kafka.posthorn.topics.change(topic, { retentionMs: null });
    await kafka.withProducer((producer) => producer.send({ topic, messages }));
    await kafka.withAdmin(async (admin) => {
      expect(await admin.fetchTopicOffsets(topic)).toEqual([
        { partition: 0, offset: '3', high: '3', low: '0' },
      ]);
      expect(await admin.fetchTopicOffsetsByTimestamp(topic, 1_500)).toEqual([{ partition: 0, offset: '1' }]);
    });
    const client = await RawClient.connect(kafka.server.port);
    for (const [timestamp, found] of [
      [-3, { offset: 2, timestamp: 3_000 }],
      [1_500, { offset: 1, timestamp: 2_000 }],
      [9_000, { offset: -1, timestamp: -1 }],
    ] as const) {
      const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }];
      const answer = await client.send('ListOffsets', 7, { topics });
      expect(answer['topics']).toMatchObject([{ partitions: [{ errorCode: 0, ...found }] }]);
    }
    client.socket.destroy();
  });

  it('finds no record of an open transaction for a client that reads what is committed', async () => {
    const topic = await kafka.topic();
    await kafka.posthorn.producer().send(topic, { value: 'v' });
    const transactional = kafka.posthorn.transactionalProducer({ transactionalId: topic });
    await transactional.begin();
    await transactional.send(topic, { value: 'v' });
    const client = await RawClient.connect(kafka.server.port);
    for (const [isolationLevel, offset] of [
      [0, 1],
      // As with Kafka: the record with the largest time is one that the client may not see yet.
      [1, -1],
    ]) {
      const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -3 }] }];
      const answer = await client.send('ListOffsets', 7, { isolationLevel, topics });
      expect(answer['topics']).toMatchObject([{ partitions: [{ errorCode: 0, offset }] }]);
    }
    client.socket.destroy();
    await transactional.abort();
    await transactional.close();
  });

  it('describes one broker, at the address that was dialled', async () => {
    await kafka.withAdmin(async (admin) => {
      const { brokers, controller, clusterId } = await admin.describeCluster();
      expect(brokers).toEqual([{ nodeId: controller, host: '127.0.0.1', port: kafka.server.port }]);
      expect(clusterId).toMatch(/^[\w-]{22}$/);
    });
  });
});

describe('a topic', () => {
  it('that many make at the same time is made by one of them', async () => {
    const name = newName();
    const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(kafka.server.port)));
    const asked = { timeoutMs: 1_000, topics: [{ name, numPartitions: 2, replicationFactor: 1 }] };
    const answers = await Promise.all(clients.map((client) => client.send('CreateTopics', 7, asked)));
    const codes = answers.map(({ topics }) => (topics as { errorCode: number }[])[0]!.errorCode);
    expect(codes.toSorted()).toEqual([0, ...Array(7).fill(ERRORS.TOPIC_ALREADY_EXISTS)]);
    for (const client of clients) client.socket.destroy();
  });

  it.each([
    ['with a name that none can have', { name: 'a/b' }, 17],
    ['with too many partitions', { name: 'many', numPartitions: 100_000 }, 37],
    ['with no partition', { name: 'none', numPartitions: 0 }, 37],
    ['with an unknown setting', { name: 'odd', configs: [{ name: 'no.such.setting', value: '1' }] }, 40],
    [
      'with a setting that has no such value',
      { name: 'odd', configs: [{ name: 'cleanup.policy', value: 'burn' }] },
      40,
    ],
    ...['cleanup.policy', 'message.timestamp.type'].map((name): [string, { name: string }, number] => [
      `with a value of ${name} that every object has`,
      { name: 'odd', configs: [{ name, value: 'constructor' }] } as { name: string },
      40,
    ]),
  ])('%s is not made', async (_, topic, errorCode) => {
    const client = await RawClient.connect(kafka.server.port);
    const asked = { numPartitions: 1, replicationFactor: 1, ...topic };
    const { topics } = await client.send('CreateTopics', 5, { topics: [asked], timeoutMs: 1_000 });
    expect(topics).toMatchObject([{ name: topic.name, errorCode }]);
    client.socket.destroy();
  });

  it('is made by asking for it only where the gateway is told so', async () => {
    const asking = await KafkaBroker.start({ autoCreate: true, partitions: 4 });
    try {
      for (const [{ server }, errorCode] of [
        [kafka, 3],
        [asking, 0],
      ] as const) {
        const client = await RawClient.connect(server.port);
        const topics = [{ name: 'wanted' }];
        expect(await client.send('Metadata', 4, { topics, allowAutoTopicCreation: false })).toMatchObject({
          topics: [{ errorCode: 3 }],
        });
        expect(await client.send('Metadata', 4, { topics, allowAutoTopicCreation: true })).toMatchObject({
          topics: [{ errorCode, partitions: errorCode === 0 ? Array(4).fill({ errorCode: 0 }) : [] }],
        });
        client.socket.destroy();
      }
    } finally {
      await asking.stop();
    }
  });
});
