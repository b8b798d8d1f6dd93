/** What kafkajs's admin asks and changes beside topics: settings, groups, records. */

import { ConfigResourceTypes } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HANDLERS } from '../../../gateway/kafka/apis/index.ts';
import { APIS } from '../../../wire/kafka/codec/message-table.ts';
import { SERVED } from '../../../wire/kafka/served-apis.ts';
import { KafkaBroker, newName } from './support/support.ts';
import { RawClient } from './support/raw-client.ts';

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
    expect(await change('cleanup.policy', 2, 'compact')).toBe(40);
    expect(await kafka.posthorn.topics.get(topic)).toMatchObject({
      retentionMs: 5_000,
      retentionBytes: null,
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
      expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ low: '2' }]);
    });
  });
});
