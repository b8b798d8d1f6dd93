/** Groups that the broker assigns to, by Kafka's newer protocol (KIP-848), with raw requests. */

import { afterEach, describe, expect, it } from 'vitest';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { type KafkaBroker, kafkaForTests, newName } from './support/support.ts';
import { RawClient } from './support/raw-client.ts';

let kafka: KafkaBroker;
kafkaForTests((started) => (kafka = started));
afterEach(() => {
  for (const client of clients.splice(0)) client.socket.destroy();
});

const clients: RawClient[] = [];
let ids = 0;

interface Assigned {
  topicId: string;
  partitions: number[];
}

/** A member that does what Kafka's clients do: it names what it holds, and gives up what it is told to. */
class Member {
  readonly client: RawClient;
  readonly group: string;
  readonly topic: string;
  readonly memberId = `member-${++ids}`;
  readonly instanceId: string | null;
  epoch = 0;
  assigned: number[] = [];
  topicId = '';

  private constructor(client: RawClient, group: string, topic: string, instanceId: string | null) {
    this.client = client;
    this.group = group;
    this.topic = topic;
    this.instanceId = instanceId;
  }

  static async of(group: string, topic: string, instanceId: string | null = null): Promise<Member> {
    const client = await RawClient.connect(kafka.server.port);
    clients.push(client);
    return new Member(client, group, topic, instanceId);
  }

  async send(memberEpoch: number, more: object = {}): Promise<Record<string, unknown>> {
    const { group: groupId, memberId, instanceId } = this;
    const body = { groupId, memberId, memberEpoch, instanceId, ...more };
    return await this.client.send('ConsumerGroupHeartbeat', 1, body);
  }

  async join(): Promise<Record<string, unknown>> {
    const said = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: [this.topic], topicPartitions: [] };
    return this.#take(await this.send(0, said));
  }

  async beat(more: object = {}): Promise<Record<string, unknown>> {
    return this.#take(await this.send(this.epoch, more));
  }

  /** Beats and says what it holds. */
  async hold(): Promise<Record<string, unknown>> {
    const { topicId, assigned: partitions } = this;
    return await this.beat({ topicPartitions: partitions.length > 0 ? [{ topicId, partitions }] : [] });
  }

  async commit(offset: number, partitionIndex: number, epoch = this.epoch): Promise<number> {
    const topics = [{ name: this.topic, partitions: [{ partitionIndex, committedOffset: offset }] }];
    const { group: groupId, memberId } = this;
    const body = { groupId, generationIdOrMemberEpoch: epoch, memberId, topics };
    const answer = await this.client.send('OffsetCommit', 9, body);
    return (answer['topics'] as { partitions: { errorCode: number }[] }[])[0]!.partitions[0]!.errorCode;
  }

  #take(answer: Record<string, unknown>): Record<string, unknown> {
    if (answer['errorCode'] !== ERRORS.NONE) return answer;
    this.epoch = answer['memberEpoch'] as number;
    const assignment = answer['assignment'] as { topicPartitions: Assigned[] } | null;
    if (assignment === null) return answer;
    this.assigned = assignment.topicPartitions.flatMap(({ partitions }) => partitions);
    this.topicId = assignment.topicPartitions[0]?.topicId ?? this.topicId;
    return answer;
  }
}

async function described(group: string, client: RawClient): Promise<Record<string, unknown>> {
  const { groups } = await client.send('ConsumerGroupDescribe', 1, { groupIds: [group] });
  return (groups as Record<string, unknown>[])[0]!;
}

describe('members of a group that the broker assigns to', () => {
  it('share its partitions, which change hands one by one, and commit what they own', async () => {
    const [topic, group] = [await kafka.topic(2), newName()];
    await kafka.posthorn.producer().send(topic, { value: 'v', partition: 1 });
    const [a, b] = [await Member.of(group, topic), await Member.of(group, topic)];
    expect(await a.join()).toMatchObject({ errorCode: 0, memberId: a.memberId, memberEpoch: 1 });
    expect(a.assigned).toEqual([0, 1]);
    // Only what is new is told.
    expect(await a.hold()).toMatchObject({ errorCode: 0, assignment: null });
    expect(await a.commit(1, 1)).toBe(ERRORS.NONE);
    await b.join();
    expect(b.assigned).toEqual([]);
    const before = a.epoch;
    await a.beat();
    expect(a.assigned).toHaveLength(1);
    const [left] = [0, 1].filter((partition) => !a.assigned.includes(partition));
    // It may commit what it is giving up; nobody else has it until it has said so.
    expect(await a.commit(left!, left!)).toBe(ERRORS.NONE);
    await b.beat();
    expect(b.assigned).toEqual([]);
    await a.hold();
    await b.beat();
    expect(b.assigned).toEqual([left]);
    expect(await b.commit(0, left!)).toBe(ERRORS.NONE);
    expect(await a.commit(0, left!)).toBe(ERRORS.STALE_MEMBER_EPOCH);
    expect(await a.commit(0, a.assigned[0]!, before)).toBe(ERRORS.NONE);
    expect(await described(group, a.client)).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      groupEpoch: a.epoch,
      assignorName: 'uniform',
      members: [
        {
          memberId: a.memberId,
          clientId: 'raw',
          clientHost: '/127.0.0.1',
          subscribedTopicNames: [topic],
          assignment: { topicPartitions: [{ topicName: topic, partitions: a.assigned }] },
        },
        { memberId: b.memberId },
      ],
    });
    expect(await b.send(-1)).toMatchObject({ errorCode: 0, memberEpoch: -1 });
    await a.beat();
    expect(a.assigned).toEqual([0, 1]);
    expect(await b.commit(0, left!)).toBe(ERRORS.UNKNOWN_MEMBER_ID);
    await a.send(-1);
    expect(await described(group, a.client)).toMatchObject({ groupState: 'Empty', members: [] });
  });

  it('begin anew under their ids after their epoch was refused', async () => {
    const [topic, group] = [await kafka.topic(2), newName()];
    const member = await Member.of(group, topic);
    await member.join();
    expect(await member.send(99)).toMatchObject({ errorCode: ERRORS.FENCED_MEMBER_EPOCH });
    expect(await member.join()).toMatchObject({ errorCode: 0, memberEpoch: 1 });
    expect(member.assigned).toEqual([0, 1]);
  });

  it('are given ids by the broker in the first version', async () => {
    const [topic, group] = [await kafka.topic(1), newName()];
    const { client } = await Member.of(group, topic);
    const body = { groupId: group, memberId: '', memberEpoch: 0, rebalanceTimeoutMs: 1_000 };
    const joined = await client.send('ConsumerGroupHeartbeat', 0, {
      ...body,
      subscribedTopicNames: [topic],
      topicPartitions: [],
    });
    expect(joined).toMatchObject({ errorCode: 0, memberEpoch: 1 });
    expect(joined['memberId']).toMatch(/^[\w-]{36}$/);
  });

  it('read topics that are made later, and others than before', async () => {
    const [first, second, group] = [newName(), await kafka.topic(1), newName()];
    const member = await Member.of(group, first);
    expect(await member.join()).toMatchObject({ errorCode: 0, assignment: { topicPartitions: [] } });
    const made = { timeoutMs: 1_000, topics: [{ name: first, numPartitions: 2, replicationFactor: 1 }] };
    await member.client.send('CreateTopics', 7, made);
    await member.beat();
    expect(member.assigned).toEqual([0, 1]);
    const { topicId } = member;
    await member.beat({ subscribedTopicNames: [second] });
    await member.beat({ topicPartitions: [] });
    expect([member.assigned, member.topicId === topicId]).toEqual([[0], false]);
  });

  it('with instances keep their partitions while these are away', async () => {
    const [topic, group] = [await kafka.topic(2), newName()];
    const member = await Member.of(group, topic, 'i');
    await member.join();
    const next = await Member.of(group, topic, 'i');
    expect(await next.join()).toMatchObject({ errorCode: ERRORS.UNRELEASED_INSTANCE_ID });
    expect(await member.send(-2)).toMatchObject({ errorCode: 0, memberEpoch: -2 });
    const other = await Member.of(group, topic);
    await other.join();
    await other.beat();
    expect(await next.join()).toMatchObject({ errorCode: 0 });
    await next.beat();
    await next.hold();
    await other.beat();
    expect([...next.assigned, ...other.assigned].toSorted()).toEqual([0, 1]);
    expect(await member.beat()).toMatchObject({ errorCode: ERRORS.FENCED_INSTANCE_ID });
  });

  it('are not those of a classic group at the same time', async () => {
    const [topic, group] = [await kafka.topic(1), newName()];
    const consumer = kafka.kafka.consumer({ groupId: group });
    await consumer.connect();
    await consumer.subscribe({ topic });
    const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
    await consumer.run({ eachMessage: async () => {} });
    await joined;
    const member = await Member.of(group, topic);
    expect(await member.join()).toMatchObject({ errorCode: ERRORS.INCONSISTENT_GROUP_PROTOCOL });
    expect(await described(group, member.client)).toMatchObject({ errorCode: ERRORS.GROUP_ID_NOT_FOUND });
    await consumer.disconnect();
    expect(await member.join()).toMatchObject({ errorCode: 0 });
  });
});

describe('a member that reads by a regular expression', () => {
  it('reads what matches, and what comes later', async () => {
    const prefix = newName();
    const group = newName();
    await kafka.posthorn.topics.declare(`${prefix}-a`, { partitions: 2 });
    await kafka.posthorn.topics.declare(`x-${prefix}-a`, { partitions: 1 });
    const client = await RawClient.connect(kafka.server.port);
    clients.push(client);
    let memberEpoch = 0;
    const beat = async (more: object = {}): Promise<string[]> => {
      const body = { groupId: group, memberId: 'by-regex', memberEpoch, ...more };
      const answer = await client.send('ConsumerGroupHeartbeat', 1, body);
      expect(answer['errorCode']).toBe(0);
      memberEpoch = answer['memberEpoch'] as number;
      const { members } = await kafka.posthorn.groups.describe(group);
      return members[0]!.assignment.map(({ topic, partition }) => `${topic}/${partition}`).toSorted();
    };
    const joins = { rebalanceTimeoutMs: 60_000, topicPartitions: [], subscribedTopicRegex: `${prefix}-[ab]` };
    expect(await beat(joins)).toEqual([`${prefix}-a/0`, `${prefix}-a/1`]);
    await kafka.posthorn.topics.declare(`${prefix}-b`, { partitions: 1 });
    const three = [`${prefix}-a/0`, `${prefix}-a/1`, `${prefix}-b/0`];
    await expect.poll(() => beat(), { timeout: 10_000 }).toEqual(three);
    expect(await described(group, client)).toMatchObject({
      members: [{ subscribedTopicRegex: `${prefix}-[ab]` }],
    });
    expect(await beat({ subscribedTopicRegex: '', subscribedTopicNames: [`x-${prefix}-a`] })).toEqual([
      `x-${prefix}-a/0`,
    ]);
  });
});

describe('a heartbeat', () => {
  const said = { rebalanceTimeoutMs: 1_000, subscribedTopicNames: ['t'], topicPartitions: [] };

  it.each([
    ['of nobody', { memberId: '', memberEpoch: 3 }, ERRORS.INVALID_REQUEST],
    ['of a member that is not there', { memberEpoch: 3 }, ERRORS.UNKNOWN_MEMBER_ID],
    ['with an epoch that there is not', { ...said, memberEpoch: -3 }, ERRORS.INVALID_REQUEST],
    ['of a member that leaves for now and has no instance', { memberEpoch: -2 }, ERRORS.INVALID_REQUEST],
    ['that does not say what is read', { ...said, subscribedTopicNames: null }, ERRORS.INVALID_REQUEST],
    [
      'of a member that joins and holds partitions',
      { ...said, topicPartitions: [{ topicId: 'aaaaaaaa-0000-4000-8000-000000000000', partitions: [0] }] },
      ERRORS.INVALID_REQUEST,
    ],
    ['with an assignor that there is not', { ...said, serverAssignor: 'best' }, ERRORS.UNSUPPORTED_ASSIGNOR],
    [
      'with a regular expression that is none of RE2',
      { ...said, subscribedTopicRegex: '(?=t).*' },
      ERRORS.INVALID_REGULAR_EXPRESSION,
    ],
    ['of a group that can have no such name', { ...said, groupId: '' }, ERRORS.INVALID_GROUP_ID],
    [
      'of a topic that can have no such name',
      { ...said, subscribedTopicNames: ['../t'] },
      ERRORS.INVALID_TOPIC_EXCEPTION,
    ],
  ])('%s is refused, and makes no group', async (_, body, errorCode) => {
    const group = newName();
    const client = await RawClient.connect(kafka.server.port);
    clients.push(client);
    const request = { groupId: group, memberId: 'm', memberEpoch: 0, ...body };
    expect(await client.send('ConsumerGroupHeartbeat', 1, request)).toMatchObject({ errorCode });
    expect(await described(group, client)).toMatchObject({ errorCode: ERRORS.GROUP_ID_NOT_FOUND });
  });
});
