/** Share groups by Kafka's protocol (KIP-932), with raw requests. `npm run interop:kafka` has Java's consumer. */

import { afterEach, describe, expect, it } from 'vitest';
import { PARTITIONS_MAX } from '../../../protocol/limits.ts';
import { splitBatches } from '../../../protocol/record-batch/index.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { RawClient } from './support/raw-client.ts';
import { ACCEPT, all, Member, partitionsOf, REJECT, RELEASE, RENEW } from './support/share-member.ts';
import { type KafkaBroker, kafkaForTests, newName } from './support/support.ts';

let kafka: KafkaBroker;
kafkaForTests((started) => (kafka = started));
afterEach(() => {
  for (const client of clients.splice(0)) client.socket.destroy();
});

const clients: RawClient[] = [];

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(kafka.server.port);
  clients.push(client);
  return client;
}

const join = async (group: string, topic: string): Promise<Member> =>
  await Member.join(await connect(), group, topic);

/** A topic with so many records in one partition, and a group that begins at the earliest. */
async function groupOf(records: number, config: object = {}): Promise<{ group: string; topic: string }> {
  const topic = await kafka.topic();
  const group = newName();
  await kafka.posthorn.shareGroups.put(group, {
    topics: [topic],
    start: 'earliest',
    deadLetter: 'none',
    ...config,
  });
  if (records > 0) {
    const messages = Array.from({ length: records }, (_, nth) => ({ value: String(nth) }));
    await kafka.withProducer((producer) => producer.send({ topic, messages }));
  }
  return { group, topic };
}

describe('a share group by Kafka’s protocol', () => {
  it('hands records out, and takes what becomes of them', async () => {
    const { group, topic } = await groupOf(10);
    const member = await join(group, topic);
    const answer = await member.fetch();
    expect(answer['acquisitionLockTimeoutMs']).toBe(30_000);
    const [partition] = partitionsOf(answer);
    expect(partition!.acquiredRecords).toEqual([{ firstOffset: 0, lastOffset: 9, deliveryCount: 1 }]);
    expect(splitBatches(partition!.records)).toMatchObject([{ header: { baseOffset: 0, recordCount: 10 } }]);
    // 0-3 accepted, 4 released, 5 rejected, 6 renewed.
    expect(await member.take([all(0, 5, ACCEPT, ACCEPT, ACCEPT, ACCEPT, RELEASE, REJECT)])).toEqual([
      '4-4*2',
    ]);
    expect(await member.acknowledge([all(6, 6, RENEW)], { isRenewAck: true })).toBe(0);
    expect(await member.acknowledge([all(4, 4, ACCEPT), all(6, 9, ACCEPT)])).toBe(0);
    expect(await member.take()).toEqual([]);
    const { partitions } = await kafka.posthorn.shareGroups.describe(group);
    expect(partitions).toMatchObject([{ startOffset: 10, inFlight: 0, archived: 1, lag: 0 }]);
  });

  it('refuses acknowledgements of what is not acquired, and leaves all as it is', async () => {
    const { group, topic } = await groupOf(4);
    const member = await join(group, topic);
    expect(await member.take()).toEqual(['0-3*1']);
    expect(await member.acknowledge([all(0, 4, ACCEPT)])).toBe(ERRORS.INVALID_RECORD_STATE);
    expect(await member.acknowledge([all(0, 3, ACCEPT, ACCEPT)])).toBe(ERRORS.INVALID_REQUEST);
    expect(await member.acknowledge([all(0, 3, 9)])).toBe(ERRORS.INVALID_REQUEST);
    expect(await member.acknowledge([all(0, 3, RENEW)])).toBe(ERRORS.INVALID_REQUEST);
    expect(await member.acknowledge([all(3, 0, ACCEPT)])).toBe(ERRORS.INVALID_REQUEST);
    const { partitions } = await kafka.posthorn.shareGroups.describe(group);
    expect(partitions).toMatchObject([{ startOffset: 0, inFlight: 4 }]);
    const answer = await member.fetch([all(0, 3, 9)]);
    expect(partitionsOf(answer)).toMatchObject([{ acknowledgeErrorCode: ERRORS.INVALID_REQUEST }]);
  });

  it('releases what a member holds when its session ends, and when its connection breaks', async () => {
    const { group, topic } = await groupOf(6);
    const first = await join(group, topic);
    expect(await first.take()).toEqual(['0-5*1']);
    first.sessionEpoch = -1;
    expect((await first.fetch([all(0, 1, ACCEPT)]))['errorCode']).toBe(0);
    const second = await join(group, topic);
    expect(await second.take()).toEqual(['2-5*2']);
    second.client.socket.destroy();
    const third = await join(group, topic);
    await expect.poll(() => third.take(), { timeout: 10_000 }).toEqual(['2-5*3']);
  });

  it('releases nothing of a member that has come back by another connection', async () => {
    const { group, topic } = await groupOf(6);
    const before = await join(group, topic);
    const some = { maxRecords: 3 };
    expect(partitionsOf(await before.fetch([], some))).toMatchObject([
      { acquiredRecords: [{ lastOffset: 2 }] },
    ]);
    const after = await join(group, topic);
    after.memberId = before.memberId;
    await after.beat({ subscribedTopicNames: [topic], memberEpoch: 0 });
    expect(await after.take()).toEqual(['3-5*1']);
    before.client.socket.destroy();
    const other = await join(group, topic);
    await expect.poll(() => other.take(), { timeout: 10_000 }).toEqual(['0-2*2']);
    expect(await after.acknowledge([all(3, 5, ACCEPT)])).toBe(0);
    expect((await after.beat())['errorCode']).toBe(0);
  });

  it('has sessions that go on by other connections, until the one that began them ends', async () => {
    const { group, topic } = await groupOf(6);
    const member = await join(group, topic);
    expect(await member.take()).toEqual(['0-5*1']);
    const first = member.client;
    const second = await connect();
    member.client = second;
    expect(await member.acknowledge([all(0, 1, ACCEPT)])).toBe(0);
    second.socket.destroy();
    await second.closed;
    member.client = first;
    expect(await member.acknowledge([all(2, 2, ACCEPT)])).toBe(0);
    first.socket.destroy();
    const other = await join(group, topic);
    await expect.poll(() => other.take(), { timeout: 10_000 }).toEqual(['3-5*2']);
    member.client = other.client;
    expect(await member.acknowledge([all(3, 3, ACCEPT)])).toBe(ERRORS.SHARE_SESSION_NOT_FOUND);
  });

  it('releases what comes to a connection that waits when another has ended the session', async () => {
    const { group, topic } = await groupOf(6);
    const member = await join(group, topic);
    expect(await member.take()).toEqual(['0-5*1']);
    const waiting = member.fetch([], { maxWaitMs: 4_900 });
    member.client = await connect();
    member.sessionEpoch = -1;
    // What is released may go to the connection that waits.
    expect(await member.acknowledge([all(0, 3, ACCEPT)])).toBe(0);
    await waiting;
    const other = await join(group, topic);
    const offsets = async (): Promise<string[]> => (await other.take()).map((run) => run.replace(/\*.*/, ''));
    await expect.poll(offsets, { timeout: 10_000 }).toEqual(['4-5']);
  });

  it('has sessions with a bounded number of partitions', async () => {
    const { group, topic } = await groupOf(1);
    const member = await join(group, topic);
    member.partitions = Array.from({ length: PARTITIONS_MAX + 1 }, (_, partition) => partition);
    const told = partitionsOf(await member.fetch([], { maxRecords: 0 }));
    expect(told).toMatchObject([
      { partitionIndex: PARTITIONS_MAX, errorCode: ERRORS.UNKNOWN_TOPIC_OR_PARTITION },
    ]);
  });

  it('has sessions with epochs of their own', async () => {
    const { group, topic } = await groupOf(1);
    const member = await join(group, topic);
    member.sessionEpoch = 3;
    expect((await member.fetch())['errorCode']).toBe(ERRORS.SHARE_SESSION_NOT_FOUND);
    member.sessionEpoch = 0;
    const withNews = await member.fetch([all(0, 0, ACCEPT)]);
    expect(withNews['errorCode']).toBe(ERRORS.INVALID_REQUEST);
    member.sessionEpoch = 0;
    expect((await member.fetch())['errorCode']).toBe(0);
    member.sessionEpoch = 7;
    expect((await member.fetch())['errorCode']).toBe(ERRORS.INVALID_SHARE_SESSION_EPOCH);
    member.sessionEpoch = 0;
    expect(await member.acknowledge([all(0, 0, ACCEPT)])).toBe(ERRORS.INVALID_SHARE_SESSION_EPOCH);
  });

  it('begins at the end of its topics if its members make it, and is made again if it is deleted', async () => {
    const topic = await kafka.topic();
    await kafka.withProducer((producer) => producer.send({ topic, messages: [{ value: 'before' }] }));
    const group = newName();
    const member = await join(group, topic);
    await kafka.withProducer((producer) => producer.send({ topic, messages: [{ value: 'after' }] }));
    expect(await member.take()).toEqual(['1-1*1']);
    await kafka.posthorn.shareGroups.delete(group);
    const gone = async (): Promise<number> => partitionsOf(await member.fetch())[0]?.errorCode ?? 0;
    await expect.poll(gone, { timeout: 10_000 }).toBe(ERRORS.UNKNOWN_TOPIC_OR_PARTITION);
    await member.beat();
    await kafka.withProducer((producer) => producer.send({ topic, messages: [{ value: 'new' }] }));
    await expect.poll(() => member.take(), { timeout: 10_000 }).toEqual(['2-2*1']);
  });

  it('waits for records', async () => {
    const { group, topic } = await groupOf(0);
    const member = await join(group, topic);
    expect(await member.take()).toEqual([]);
    const waiting = member.fetch([], { maxWaitMs: 4_900 });
    await kafka.withProducer((producer) => producer.send({ topic, messages: [{ value: 'at last' }] }));
    expect(partitionsOf(await waiting)).toMatchObject([{ acquiredRecords: [{ firstOffset: 0 }] }]);
  });

  it('spreads partitions over its members, and describes them', async () => {
    const topic = await kafka.topic(5);
    const group = newName();
    const first = await join(group, topic);
    expect(first.partitions).toEqual([0, 1, 2, 3, 4]);
    const second = await join(group, topic);
    await first.beat();
    expect([...first.partitions, ...second.partitions].toSorted()).toEqual([0, 1, 2, 3, 4]);
    const described = await first.client.send('ShareGroupDescribe', 1, { groupIds: [group, 'nobody'] });
    expect(described).toMatchObject({
      groups: [
        {
          errorCode: 0,
          groupState: 'Stable',
          assignorName: 'simple',
          members: [
            { memberId: first.memberId, subscribedTopicNames: [topic], clientId: 'raw' },
            { memberId: second.memberId },
          ],
        },
        { errorCode: ERRORS.GROUP_ID_NOT_FOUND },
      ],
    });
    await second.beat({ memberEpoch: -1 });
    await first.beat();
    expect(first.partitions).toEqual([0, 1, 2, 3, 4]);
    expect((await second.beat({ memberEpoch: 1 }))['errorCode']).toBe(ERRORS.UNKNOWN_MEMBER_ID);
  });

  it('is listed, says how far it is, and is deleted when its members have left', async () => {
    const { group, topic } = await groupOf(5);
    const member = await join(group, topic);
    expect(await member.take()).toEqual(['0-4*1']);
    expect(await member.acknowledge([all(0, 1, ACCEPT)])).toBe(0);
    const { client } = member;
    const listed = await client.send('ListGroups', 5, { statesFilter: [], typesFilter: ['share'] });
    expect(listed['groups']).toContainEqual(
      expect.objectContaining({ groupId: group, groupState: 'Stable', groupType: 'Share' }),
    );
    const asked = [
      { groupId: group, topics: null },
      { groupId: group, topics: [{ topicName: topic, partitions: [7] }] },
      { groupId: 'nobody', topics: null },
    ];
    expect(await client.send('DescribeShareGroupOffsets', 1, { groups: asked })).toMatchObject({
      groups: [
        { errorCode: 0, topics: [{ topicName: topic, partitions: [{ startOffset: 2, lag: 3 }] }] },
        { errorCode: 0, topics: [] },
        { errorCode: ERRORS.GROUP_ID_NOT_FOUND },
      ],
    });
    const deleted = async (): Promise<unknown> =>
      (await client.send('DeleteGroups', 2, { groupsNames: [group] }))['results'];
    expect(await deleted()).toMatchObject([{ errorCode: ERRORS.NON_EMPTY_GROUP }]);
    const topics = [{ topicName: topic, partitions: [{ partitionIndex: 0, startOffset: 4 }] }];
    const altered = (): Promise<unknown> =>
      client.send('AlterShareGroupOffsets', 0, { groupId: group, topics });
    expect(await altered()).toMatchObject({ errorCode: ERRORS.NON_EMPTY_GROUP });
    await member.beat({ memberEpoch: -1 });
    expect(await altered()).toMatchObject({ errorCode: 0, responses: [{ partitions: [{ errorCode: 0 }] }] });
    const at = async (): Promise<unknown> =>
      (await kafka.posthorn.shareGroups.describe(group)).partitions[0]!.startOffset;
    expect(await at()).toBe(4);
    const forgotten = { groupId: group, topics: [{ topicName: topic }, { topicName: 'nowhere' }] };
    expect(await client.send('DeleteShareGroupOffsets', 0, forgotten)).toMatchObject({
      responses: [{ errorCode: 0 }, { errorCode: ERRORS.UNKNOWN_TOPIC_OR_PARTITION }],
    });
    expect(await at()).toBe(0);
    expect(await deleted()).toMatchObject([{ errorCode: 0 }]);
    expect(await deleted()).toMatchObject([{ errorCode: ERRORS.GROUP_ID_NOT_FOUND }]);
  });

  it('is made by whoever says where it begins', async () => {
    const topic = await kafka.topic();
    const group = newName();
    await kafka.withProducer((producer) =>
      producer.send({ topic, messages: [{ value: '0' }, { value: '1' }] }),
    );
    const client = await connect();
    const partitions = [{ partitionIndex: 0, startOffset: 1 }];
    const topics = [topic, 'nowhere'].map((topicName) => ({ topicName, partitions }));
    expect(await client.send('AlterShareGroupOffsets', 0, { groupId: group, topics })).toMatchObject({
      errorCode: 0,
      responses: [
        { topicName: topic, partitions: [{ errorCode: 0 }] },
        { topicName: 'nowhere', partitions: [{ errorCode: ERRORS.UNKNOWN_TOPIC_OR_PARTITION }] },
      ],
    });
    const member = await join(group, topic);
    expect(await member.take()).toEqual(['1-1*1']);
  });

  it('refuses what no client of a share group sends', async () => {
    const client = await connect();
    const beat = async (more: object): Promise<unknown> => {
      const body = { groupId: 'g', memberId: 'm', memberEpoch: 0, subscribedTopicNames: ['t'], ...more };
      return (await client.send('ShareGroupHeartbeat', 1, body))['errorCode'];
    };
    expect(await beat({ groupId: '' })).toBe(ERRORS.INVALID_GROUP_ID);
    expect(await beat({ memberId: '' })).toBe(ERRORS.INVALID_REQUEST);
    expect(await beat({ memberEpoch: -2 })).toBe(ERRORS.INVALID_REQUEST);
    expect(await beat({ subscribedTopicNames: null })).toBe(ERRORS.INVALID_REQUEST);
    expect(await beat({ subscribedTopicNames: ['a b'] })).toBe(ERRORS.INVALID_TOPIC_EXCEPTION);
    const many = Array.from({ length: 101 }, (_, nth) => `t${nth}`);
    expect(await beat({ subscribedTopicNames: many })).toBe(ERRORS.INVALID_REQUEST);
  });
});

describe('the settings of a share group', () => {
  it('are read and changed as those of a resource, also before its members come', async () => {
    const group = newName();
    const client = await connect();
    const set = async (name: string, value: string | null): Promise<unknown> => {
      const configs = [{ name, configOperation: value === null ? 1 : 0, value }];
      const resources = [{ resourceType: 32, resourceName: group, configs }];
      const { responses } = await client.send('IncrementalAlterConfigs', 1, {
        resources,
        validateOnly: false,
      });
      return (responses as { errorCode: number }[])[0]!.errorCode;
    };
    const read = async (): Promise<Record<string, string>> => {
      const resources = [{ resourceType: 32, resourceName: group, configurationKeys: null }];
      const { results } = await client.send('DescribeConfigs', 4, { resources });
      const [{ configs }] = results as [{ configs: { name: string; value: string }[] }];
      return Object.fromEntries(configs.map(({ name, value }) => [name, value]));
    };
    expect(await read()).toMatchObject({
      'share.auto.offset.reset': 'latest',
      'share.record.lock.duration.ms': '30000',
      'share.delivery.count.limit': '5',
    });
    expect(await set('share.auto.offset.reset', 'earliest')).toBe(0);
    expect(await set('share.record.lock.duration.ms', '20000')).toBe(0);
    expect(await set('share.session.timeout.ms', '50000')).toBe(0);
    expect(await set('share.auto.offset.reset', 'by_duration:PT1H')).toBe(ERRORS.INVALID_CONFIG);
    expect(await set('share.delivery.count.limit', '0')).toBe(ERRORS.INVALID_CONFIG);
    expect(await set('share.colour', 'red')).toBe(ERRORS.INVALID_CONFIG);
    expect(await read()).toMatchObject({
      'share.auto.offset.reset': 'earliest',
      'share.record.lock.duration.ms': '20000',
    });
    expect(await kafka.posthorn.shareGroups.describe(group)).toMatchObject({
      topics: [],
      start: 'earliest',
      lockDurationMs: 20_000,
    });
    expect(await set('share.record.lock.duration.ms', null)).toBe(0);
    expect(await read()).toMatchObject({ 'share.record.lock.duration.ms': '30000' });
  });
});
