/** What kafkajs's admin asks and changes beside topics: settings, groups, records. */

import { ConfigResourceTypes } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HANDLERS } from '../../../gateway/kafka/apis/index.ts';
import { APIS } from '../../../wire/kafka/codec/message-table.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { SERVED } from '../../../wire/kafka/served-apis.ts';
import { KafkaBroker, newName } from './support/support.ts';
import { RawClient } from './support/raw-client.ts';
import { RawTransactions } from './support/raw-transactions.ts';

let kafka: KafkaBroker;
beforeAll(async () => {
  kafka = await KafkaBroker.start();
});
afterAll(async () => {
  await kafka?.stop();
});
afterEach(() => {
  expect(kafka.faults).toEqual([]);
});

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

describe('transactional ids', () => {
  it('are described', async () => {
    const topic = await kafka.topic();
    const transactions = await RawTransactions.connect(kafka.server.port, newName());
    const described = async (): Promise<unknown> => {
      const transactionalIds = [transactions.transactionalId, 'nobody'];
      const body = { transactionalIds };
      return (await transactions.client.send('DescribeTransactions', 0, body))['transactionStates'];
    };
    await transactions.init();
    expect(await described()).toMatchObject([
      { errorCode: 0, transactionState: 'Empty', transactionTimeoutMs: 60_000, topics: [] },
      { errorCode: ERRORS.TRANSACTIONAL_ID_NOT_FOUND },
    ]);
    await transactions.addPartitions(topic);
    expect(await described()).toMatchObject([
      { ...transactions.identity, transactionState: 'Ongoing', topics: [{ topic, partitions: [0] }] },
      {},
    ]);
    await transactions.end(true);
    expect(await described()).toMatchObject([{ transactionState: 'CompleteCommit' }, {}]);
    transactions.close();
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
