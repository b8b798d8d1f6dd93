/** What kafkajs's admin asks and changes beside topics: settings, groups, records. */

import { ConfigResourceTypes } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { HANDLERS } from '../../../gateway/kafka/apis/index.ts';
import { APIS } from '../../../wire/kafka/codec/message-table.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { SERVED } from '../../../wire/kafka/served-apis.ts';
import { type KafkaBroker, kafkaForTests, newName } from './support/support.ts';
import { RawClient } from './support/raw-client.ts';

let kafka: KafkaBroker;
kafkaForTests((started) => (kafka = started));

it('has a handler for every API that is served, besides the login', () => {
  const served = [...SERVED.keys()].map((key) => APIS.get(key)!.name);
  expect([...Object.keys(HANDLERS), 'SaslHandshake', 'SaslAuthenticate'].toSorted()).toEqual(
    served.toSorted(),
  );
});

describe('settings of a topic', () => {
  const entriesOf = async (topic: string): Promise<Record<string, string>> =>
    await kafka.withAdmin(async (admin) => {
      const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic }];
      const { resources: found } = await admin.describeConfigs({ resources, includeSynonyms: false });
      return Object.fromEntries(
        found[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]),
      );
    });

  it('are described by the names of Kafka, and set all at once', async () => {
    const topic = await kafka.topic();
    expect(await entriesOf(topic)).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': '604800000',
      'retention.bytes': '-1',
      'min.insync.replicas': '1',
    });
    await kafka.posthorn.topics.change(topic, { retentionBytes: 100_000 });
    const configEntries = [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'retention.ms', value: '-1' },
    ];
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic, configEntries };
    await kafka.withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }));
    const changed = await kafka.posthorn.topics.get(topic);
    expect(changed).toMatchObject({ cleanupPolicy: 'compact', retentionMs: null, retentionBytes: null });
  });

  it('are changed one by one', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const change = async (name: string, configOperation: number, value: string | null): Promise<unknown> => {
      const resource = { resourceType: 2, resourceName: topic, configs: [{ name, configOperation, value }] };
      const { responses } = await client.send('IncrementalAlterConfigs', 1, { resources: [resource] });
      return (responses as { errorCode: number }[])[0]!.errorCode;
    };
    expect(await change('retention.bytes', 0, '70000')).toBe(0);
    expect(await change('retention.ms', 0, '5000')).toBe(0);
    expect(await change('retention.bytes', 1, null)).toBe(0);
    expect(await change('no.such.setting', 0, '1')).toBe(40);
    const policy = async (): Promise<string> => (await kafka.posthorn.topics.get(topic)).cleanupPolicy;
    for (const [operation, value, becomes] of [
      [2, 'compact', 'compact,delete'],
      [2, 'compact', 'compact,delete'],
      [3, 'compact', 'delete'],
      [2, 'compact,delete', 'compact,delete'],
      [3, 'delete', 'compact'],
      [1, null, 'delete'],
    ] as const) {
      expect(await change('cleanup.policy', operation, value)).toBe(0);
      expect(await policy()).toBe(becomes);
    }
    for (const [name, operation, value] of [
      ['cleanup.policy', 3, 'delete'],
      ['cleanup.policy', 2, 'shrink'],
      ['retention.ms', 2, '1'],
      ['no.such.setting', 3, '1'],
    ] as const)
      expect(await change(name, operation, value)).toBe(40);
    expect(await kafka.posthorn.topics.get(topic)).toMatchObject({
      retentionMs: 5_000,
      retentionBytes: null,
    });
    client.socket.destroy();
  });
});

describe('operations that a client may do', () => {
  it('are told if it asks: all of them where there are no tokens', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const ofTopic = async (isAsked: boolean): Promise<unknown> => {
      const asked = { topics: [{ name: topic }], includeTopicAuthorizedOperations: isAsked };
      const { topics } = await client.send('Metadata', 9, asked);
      return (topics as { topicAuthorizedOperations: number }[])[0]!.topicAuthorizedOperations;
    };
    const unknown = -2_147_483_648;
    expect([await ofTopic(false), await ofTopic(true)]).toEqual([unknown, 0b1101_1111_1000]);
    const cluster = { includeClusterAuthorizedOperations: true };
    expect(await client.send('DescribeCluster', 0, cluster)).toMatchObject({
      clusterAuthorizedOperations: 0b1_1111_1010_0000,
    });
    client.socket.destroy();
  });
});

describe('partitions of topics', () => {
  const page = async (client: RawClient, body: object): Promise<unknown> => {
    const answer = await client.send('DescribeTopicPartitions', 0, { cursor: null, ...body });
    const topics = answer['topics'] as {
      name: string;
      errorCode: number;
      partitions: { partitionIndex: number }[];
    }[];
    const told = topics.map(({ name, errorCode, partitions }) => [
      name,
      errorCode || partitions.map(({ partitionIndex }) => partitionIndex).join(),
    ]);
    return [Object.fromEntries(told), answer['nextCursor']];
  };

  it('are described in pages', async () => {
    const client = await RawClient.connect(kafka.server.port);
    const [first, second] = [await kafka.topic(3), await kafka.topic(2)].toSorted();
    const sizes = Object.fromEntries(
      await Promise.all(
        [first!, second!].map(async (name) => [name, (await kafka.posthorn.topics.get(name)).partitions]),
      ),
    ) as Record<string, number>;
    const all = (name: string): string => Array.from({ length: sizes[name]! }, (_, nth) => nth).join();
    const topics = [{ name: second }, { name: first }, { name: 'a nowhere' }, { name: '0-nowhere' }];
    const missing = {
      'a nowhere': ERRORS.INVALID_TOPIC_EXCEPTION,
      '0-nowhere': ERRORS.UNKNOWN_TOPIC_OR_PARTITION,
    };
    const body = { topics, responsePartitionLimit: 2_000 };
    expect(await page(client, body)).toEqual([
      { ...missing, [first!]: all(first!), [second!]: all(second!) },
      null,
    ]);
    const one = { topics: [{ name: first }, { name: second }], responsePartitionLimit: 1 };
    let cursor: unknown = null;
    const seen: unknown[] = [];
    do {
      const [told, next] = (await page(client, { ...one, cursor })) as [Record<string, string>, unknown];
      seen.push(...Object.entries(told).map((entry) => entry.join()));
      cursor = next;
    } while (cursor !== null && seen.length < 20);
    const expected = [first!, second!].flatMap((name) =>
      all(name)
        .split(',')
        .map((index) => `${name},${index}`),
    );
    expect(seen).toEqual(expected);
    const [everything] = (await page(client, { topics: [], responsePartitionLimit: 2_000 })) as [object];
    expect(everything).toMatchObject({ [first!]: all(first!), [second!]: all(second!) });
    const cursorPast = { topicName: second, partitionIndex: 99 };
    expect(await page(client, { ...body, cursor: cursorPast })).toEqual([{ [second!]: '' }, null]);
    client.socket.destroy();
  });

  it('have the one broker, which nothing is elected in place of', async () => {
    const client = await RawClient.connect(kafka.server.port);
    const topic = await kafka.topic();
    const topicPartitions = [{ topic, partitions: [0, 1] }];
    const elected = await client.send('ElectLeaders', 2, {
      electionType: 0,
      topicPartitions,
      timeoutMs: 1_000,
    });
    expect(elected).toMatchObject({
      errorCode: 0,
      replicaElectionResults: [
        { topic, partitionResult: [{ errorCode: 84 }, { errorCode: ERRORS.UNKNOWN_TOPIC_OR_PARTITION }] },
      ],
    });
    const none = await client.send('ElectLeaders', 2, {
      electionType: 1,
      topicPartitions: null,
      timeoutMs: 1_000,
    });
    expect(none).toMatchObject({ errorCode: 0, replicaElectionResults: [] });
    const partitions = [[1], null, [2], [1, 2], []].map((replicas) => ({ partitionIndex: 0, replicas }));
    const topics = [{ name: topic, partitions }];
    const moved = await client.send('AlterPartitionReassignments', 1, { timeoutMs: 1_000, topics });
    expect(moved).toMatchObject({
      errorCode: 0,
      responses: [{ name: topic, partitions: [0, 85, 39, 39, 39].map((errorCode) => ({ errorCode })) }],
    });
    expect(
      await client.send('ListPartitionReassignments', 0, { timeoutMs: 1_000, topics: null }),
    ).toMatchObject({
      errorCode: 0,
      topics: [],
    });
    client.socket.destroy();
  });
});

describe('what has settings', () => {
  it('is listed by its type', async () => {
    const client = await RawClient.connect(kafka.server.port);
    const topic = await kafka.topic();
    const group = newName();
    await kafka.posthorn.shareGroups.put(group, { topics: [] });
    const list = async (resourceTypes: number[], version = 1): Promise<unknown> =>
      await client.send('ListConfigResources', version, { resourceTypes });
    const [aTopic, theBroker, aGroup] = [
      { resourceName: topic, resourceType: 2 },
      { resourceName: '1', resourceType: 4 },
      { resourceName: group, resourceType: 32 },
    ];
    expect(await list([])).toMatchObject({
      errorCode: 0,
      configResources: expect.arrayContaining([aTopic, theBroker, aGroup]),
    });
    expect(await list([4, 8])).toMatchObject({ errorCode: 0, configResources: [theBroker] });
    expect(await list([64])).toMatchObject({ errorCode: ERRORS.UNSUPPORTED_VERSION, configResources: [] });
    expect(await list([], 0)).toMatchObject({ errorCode: 0, configResources: [] });
    const resources = [{ resourceType: 4, resourceName: '1', configurationKeys: ['advertised.listeners'] }];
    const { results } = await client.send('DescribeConfigs', 4, { resources });
    const value = `PLAINTEXT://127.0.0.1:${kafka.server.port}`;
    expect(results).toMatchObject([{ configs: [{ name: 'advertised.listeners', value, configSource: 4 }] }]);
    client.socket.destroy();
  });
});

describe('groups', () => {
  it('are listed, described and deleted, and their offsets are set while they have no members', async () => {
    const [topic, groupId] = [await kafka.topic(), newName()];
    await kafka.withProducer((producer) =>
      producer.send({ topic, messages: [{ value: 'a' }, { value: 'b' }] }),
    );
    await kafka.withAdmin(async (admin) => {
      await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '1' }] });
      expect(await admin.fetchOffsets({ groupId, topics: [topic] })).toMatchObject([
        { topic, partitions: [{ partition: 0, offset: '1' }] },
      ]);
      expect((await admin.listGroups()).groups).toContainEqual({ groupId, protocolType: 'consumer' });
      const { groups } = await admin.describeGroups([groupId, 'nowhere']);
      expect(groups).toMatchObject([
        { groupId, state: 'Empty', members: [] },
        { groupId: 'nowhere', state: 'Dead' },
      ]);
      await admin.deleteGroups([groupId]);
      expect((await admin.listGroups()).groups.map((group) => group.groupId)).not.toContain(groupId);
    });
  });
});

describe('offsets of a group', () => {
  it('are set to the earliest and the latest by kafkajs, and told as it has set them', async () => {
    const [topic, groupId] = [await kafka.topic(), newName()];
    await kafka.withAdmin(async (admin) => {
      const told = async (): Promise<unknown> => (await admin.fetchOffsets({ groupId }))[0];
      await admin.resetOffsets({ groupId, topic, earliest: true });
      expect(await told()).toMatchObject({ topic, partitions: [{ partition: 0, offset: '-2' }] });
      await admin.resetOffsets({ groupId, topic, earliest: false });
      expect(await told()).toBeUndefined();
      const topics = [topic];
      const [asked] = await admin.fetchOffsets({ groupId, topics });
      expect(asked).toMatchObject({ topic, partitions: [{ partition: 0, offset: '-1' }] });
    });
  });

  it('are forgotten one by one, if the group has no members', async () => {
    const [topic, groupId] = [await kafka.topic(2), newName()];
    const client = await RawClient.connect(kafka.server.port);
    const forget = async (group: string, name = topic, partitionIndex = 0): Promise<unknown> => {
      const topics = [{ name, partitions: [{ partitionIndex }] }];
      return await client.send('OffsetDelete', 0, { groupId: group, topics });
    };
    const told = (errorCode: number): object => ({ errorCode: 0, topics: [{ partitions: [{ errorCode }] }] });
    expect(await forget(groupId)).toMatchObject({ errorCode: ERRORS.GROUP_ID_NOT_FOUND, topics: [] });
    await kafka.posthorn.groups.reset(groupId, { topic, to: 'latest' });
    expect(await forget(groupId)).toMatchObject(told(0));
    const offsets = await kafka.posthorn.groups.offsets(groupId);
    expect(offsets.map(({ offset }) => offset)).toEqual([null, 0]);
    expect(await forget(groupId)).toMatchObject(told(0));
    expect(await forget(groupId, 'nowhere')).toMatchObject(told(ERRORS.UNKNOWN_TOPIC_OR_PARTITION));
    expect(await forget(groupId, topic, 7)).toMatchObject(told(ERRORS.UNKNOWN_TOPIC_OR_PARTITION));
    const member = { memberId: 'm', epoch: 0, topics: [topic], partitions: [] };
    await kafka.posthorn.groups.member(groupId, member);
    expect(await forget(groupId)).toMatchObject(told(ERRORS.GROUP_SUBSCRIBED_TO_TOPIC));
    client.socket.destroy();
  });
});

describe('directories of logs', () => {
  type Described = { errorCode: number; results: { topics: { name: string; partitions: object[] }[] }[] };
  const describeDirs = async (topics: object[] | null, version = 5): Promise<Described> => {
    const raw = await RawClient.connect(kafka.server.port);
    const answer = await raw.send('DescribeLogDirs', version, { topics });
    raw.socket.destroy();
    return answer as unknown as Described;
  };

  it('say what partitions store, and leave out what is not there', async () => {
    const topic = await kafka.topic(2);
    await kafka.withProducer((producer) =>
      producer.send({ topic, messages: [{ partition: 1, value: 'x'.repeat(1_000) }] }),
    );
    const { sizeBytes } = await kafka.posthorn.topics.describePartition(topic, 1);
    const empty = { partitionIndex: 0, partitionSize: 0, offsetLag: 0, isFutureKey: false };
    const filled = { ...empty, partitionIndex: 1, partitionSize: sizeBytes };
    const asked = [
      { topic, partitions: [1, 0, 7] },
      { topic: 'nowhere', partitions: [0] },
      { topic: '/', partitions: [0] },
    ];
    for (const version of [1, 3, 5]) {
      const { results } = await describeDirs(asked, version);
      expect(results).toMatchObject([
        { errorCode: 0, topics: [{ name: topic, partitions: [empty, filled] }] },
      ]);
    }
    const { results } = await describeDirs(null);
    expect(results[0]!.topics.find(({ name }) => name === topic)).toMatchObject({
      partitions: [empty, filled],
    });
    expect((await describeDirs([])).results[0]!.topics).toEqual([]);
  });
});

describe('records', () => {
  it('below an offset are deleted', async () => {
    const topic = await kafka.topic();
    await kafka.withProducer((producer) =>
      producer.send({ topic, messages: [{ value: 'a' }, { value: 'b' }] }),
    );
    await kafka.withAdmin(async (admin) => {
      await admin.fetchTopicOffsets(topic); // it knows no topic before
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] });
      expect(await admin.fetchTopicOffsets(topic)).toEqual([
        { partition: 0, offset: '2', high: '2', low: '1' },
      ]);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] });
      const before = admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-2' }] });
      await expect(before).rejects.toMatchObject({
        cause: { partitions: [{ error: { type: 'OFFSET_OUT_OF_RANGE' } }] },
      });
      expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ low: '2' }]);
    });
  });
});
