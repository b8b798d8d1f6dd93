/** Classic groups with kafkajs, unmodified, and with raw requests. */

import type { Consumer } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { heartbeat } from '../../../gateway/kafka/apis/groups.ts';
import { offsetFetch } from '../../../gateway/kafka/apis/offsets.ts';
import { KafkaServer } from '../../../gateway/kafka/kafka-server.ts';
import type { Session } from '../../../gateway/kafka/session.ts';
import { PosthornError } from '../../../sdk/errors.ts';
import { ZERO_UUID } from '../../../wire/kafka/codec/codec.ts';
import { KafkaBroker, newName } from './support/support.ts';
import { RawClient } from './support/raw-client.ts';

let kafka: KafkaBroker;
const consumers: Consumer[] = [];
beforeAll(async () => {
  kafka = await KafkaBroker.start();
});
afterAll(async () => {
  await kafka?.stop();
});
afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.disconnect()));
  expect(kafka.faults).toEqual([]);
});

interface Running {
  seen: string[];
  /** The partitions that it has been given last. */
  assigned(): number[];
  stop(): Promise<void>;
}

async function consume(groupId: string, topic: string, client = kafka.kafka): Promise<Running> {
  const consumer = client.consumer({
    groupId,
    maxWaitTimeInMs: 100,
    heartbeatInterval: 100,
    sessionTimeout: 10_000,
  });
  consumers.push(consumer);
  const seen: string[] = [];
  let assigned: number[] = [];
  consumer.on('consumer.group_join', ({ payload }) => (assigned = payload.memberAssignment[topic] ?? []));
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.value!.toString()) });
  return { seen, assigned: () => assigned, stop: () => consumer.disconnect() };
}

const send = (topic: string, ...values: string[]): Promise<unknown> =>
  kafka.withProducer((producer) =>
    producer.send({ topic, messages: values.map((value, at) => ({ value, partition: at % 2 })) }),
  );

describe('consumers of a group with kafkajs', () => {
  it('share the partitions, take over those of one that leaves, and go on where the group was', async () => {
    const [topic, group] = [await kafka.topic(2), newName()];
    const first = await consume(group, topic);
    await expect.poll(() => first.assigned()).toEqual([0, 1]);
    const second = await consume(group, topic);
    await expect.poll(() => first.assigned().length + second.assigned().length, { timeout: 15_000 }).toBe(2);
    expect([...first.assigned(), ...second.assigned()].toSorted()).toEqual([0, 1]);
    await send(topic, 'a', 'b', 'c', 'd');
    await expect.poll(() => [...first.seen, ...second.seen].toSorted()).toEqual(['a', 'b', 'c', 'd']);
    await first.stop();
    await expect.poll(() => second.assigned(), { timeout: 15_000 }).toEqual([0, 1]);
    await send(topic, 'e', 'f');
    await expect.poll(() => second.seen.filter((value) => value > 'd').toSorted()).toEqual(['e', 'f']);
    await second.stop();
    const offsets = await kafka.posthorn.groups.offsets(group, { topic });
    expect(offsets.map(({ offset }) => offset)).toEqual([3, 3]);
  });

  it('are one group, whichever gateway they have come by', async () => {
    const other = await KafkaServer.start({ url: kafka.broker.url, port: 0 });
    const [topic, group] = [await kafka.topic(2), newName()];
    const here = await consume(group, topic);
    const there = await consume(group, topic, kafka.client(other.port));
    await expect
      .poll(() => [here.assigned().length, there.assigned().length], { timeout: 15_000 })
      .toEqual([1, 1]);
    await Promise.all(consumers.splice(0).map((consumer) => consumer.disconnect()));
    await other.stop();
  });
});

class Member {
  readonly client: RawClient;
  readonly group: string;
  memberId = '';
  generation = -1;

  constructor(client: RawClient, group: string) {
    this.client = client;
    this.group = group;
  }

  async join(more: object = {}): Promise<Record<string, unknown>> {
    const answer = await this.client.send('JoinGroup', 5, {
      groupId: this.group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 20_000,
      memberId: this.memberId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: new Uint8Array([1, 2, 3]) }],
      ...more,
    });
    this.memberId = answer['memberId'] as string;
    this.generation = answer['generationId'] as number;
    return answer;
  }

  async start(): Promise<void> {
    expect(await this.join()).toMatchObject({ errorCode: 79 });
    expect(await this.join()).toMatchObject({ errorCode: 0, leader: this.memberId, protocolName: 'range' });
    const assignments = [{ memberId: this.memberId, assignment: new Uint8Array([9]) }];
    expect(await this.call('SyncGroup', 3, { assignments })).toMatchObject({
      errorCode: 0,
      assignment: new Uint8Array([9]),
    });
  }

  call(api: string, version: number, more: object = {}): Promise<Record<string, unknown>> {
    const { group: groupId, memberId, generation: generationId } = this;
    return this.client.send(api, version, { groupId, memberId, generationId, ...more });
  }

  async commit(topic: string, committedOffset: number, more: object = {}): Promise<unknown> {
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: 'note' }];
    const answer = await this.call('OffsetCommit', 7, {
      generationIdOrMemberEpoch: this.generation,
      topics: [{ name: topic, partitions }],
      ...more,
    });
    return (answer['topics'] as { partitions: { errorCode: number }[] }[])[0]!.partitions[0]!.errorCode;
  }

  async committed(topic: string): Promise<unknown> {
    const answer = await this.call('OffsetFetch', 5, { topics: [{ name: topic, partitionIndexes: [0] }] });
    return (answer['topics'] as { partitions: object[] }[])[0]!.partitions[0]!;
  }
}

async function withMember(run: (member: Member, topic: string) => Promise<void>): Promise<void> {
  const topic = await kafka.topic();
  await kafka.posthorn.producer().send(topic, { value: 'a' });
  const client = await RawClient.connect(kafka.server.port);
  await run(new Member(client, newName()), topic);
  client.socket.destroy();
}

describe('a member of a group', () => {
  it('joins whatever it calls itself and however long it may take between its polls', async () => {
    const client = await RawClient.connect(kafka.server.port, 'c'.repeat(2_000));
    const member = new Member(client, newName());
    const rebalanceTimeoutMs = 2 ** 31 - 1;
    expect(await member.join({ rebalanceTimeoutMs })).toMatchObject({ errorCode: 79 });
    expect(await member.join({ rebalanceTimeoutMs })).toMatchObject({ errorCode: 0 });
    client.socket.destroy();
  });

  it('commits by its generation, and no longer when another has begun', async () => {
    await withMember(async (member, topic) => {
      await member.start();
      expect(await member.commit(topic, 1)).toBe(0);
      expect(await member.committed(topic)).toMatchObject({
        committedOffset: 1,
        metadata: 'note',
        errorCode: 0,
      });
      // Kafka gives back what is below -2 too, but no client commits that.
      for (const [none, told] of [
        [-1, -1],
        [-2, -2],
        [-3, -1],
      ] as const) {
        expect(await member.commit(topic, 1)).toBe(0);
        expect(await member.commit(topic, none)).toBe(0);
        expect(await member.committed(topic)).toMatchObject({ committedOffset: told, errorCode: 0 });
      }
      expect(await member.commit(topic, 1, { generationIdOrMemberEpoch: member.generation - 1 })).toBe(22);
      expect(await member.commit(topic, 1, { memberId: 'somebody' })).toBe(25);
      expect(await member.commit(topic, 1, { memberId: '', generationIdOrMemberEpoch: -1 })).toBe(25);
      expect(await member.call('Heartbeat', 3)).toMatchObject({ errorCode: 0 });
      expect(await member.call('LeaveGroup', 1)).toMatchObject({ errorCode: 0 });
      expect(await member.commit(topic, 0)).toBe(25);
      expect(await member.call('Heartbeat', 3)).toMatchObject({ errorCode: 25 });
    });
  });

  it('waits for silent ones no longer than their sessions, also if nobody calls meanwhile', async () => {
    await withMember(async (first) => {
      await first.join({ sessionTimeoutMs: 1_000 });
      expect(await first.join({ sessionTimeoutMs: 1_000 })).toMatchObject({ errorCode: 0 });
      const others = [1_100, 1_200].map(async (sessionTimeoutMs) => {
        const member = new Member(await RawClient.connect(kafka.server.port), first.group);
        await member.join({ sessionTimeoutMs });
        return { member, joined: member.join({ sessionTimeoutMs }) };
      });
      const silent = await Promise.all(others);
      expect(await first.join({ sessionTimeoutMs: 1_000 })).toMatchObject({ errorCode: 0 });
      for (const { joined } of silent) expect(await joined).toMatchObject({ errorCode: 0 });
      const last = new Member(await RawClient.connect(kafka.server.port), first.group);
      await last.join();
      const members = (await last.join({ rebalanceTimeoutMs: 600_000 }))['members'];
      expect(members).toMatchObject([{ memberId: last.memberId }]);
      for (const { client } of [...silent.map(({ member }) => member), last]) client.socket.destroy();
    });
  });

  it('is refused if the broker assigns the partitions of the group', async () => {
    await withMember(async (member, topic) => {
      const path = `${kafka.broker.url}/v1/default/groups/${encodeURIComponent(member.group)}/members`;
      const join = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ topics: [topic] }),
      };
      expect((await fetch(path, join)).status).toBe(201);
      await member.join({ protocolType: 'consumer' });
      expect(await member.join()).toMatchObject({ errorCode: 23 });
    });
  });

  it.each([
    ['without a protocol', { protocols: [] }, 23],
    ['with a session that is too short', { sessionTimeoutMs: 1 }, 26],
    ['under a name that no group has', { groupId: '' }, 24],
    ['under no name and with no session', { groupId: '', sessionTimeoutMs: 0 }, 24],
    ['with the id of nobody', { memberId: 'nobody' }, 25],
  ])('%s is refused', async (_, more, errorCode) => {
    await withMember(async (member) => {
      expect(await member.join(more)).toMatchObject({ errorCode });
    });
  });
});

describe('offsets of a group without members', () => {
  it('are committed by nobody, also if the group has never been', async () => {
    await withMember(async (member, topic) => {
      expect(await member.committed(topic)).toMatchObject({
        committedOffset: -1,
        committedLeaderEpoch: -1,
        errorCode: 0,
      });
      expect(await member.commit(topic, 1)).toBe(0);
      expect(await member.committed(topic)).toMatchObject({ committedOffset: 1, metadata: 'note' });
      expect(await member.commit(topic, 0)).toBe(0);
      expect(await member.committed(topic)).toMatchObject({ committedOffset: 0 });
      const all = await member.call('OffsetFetch', 5, { topics: null });
      expect(all['topics']).toMatchObject([
        { name: topic, partitions: [{ partitionIndex: 0, committedOffset: 0 }] },
      ]);
      expect(await member.commit(topic, 77), 'past the end, as with Kafka').toBe(0);
      expect(await member.committed(topic)).toMatchObject({ committedOffset: 77, committedLeaderEpoch: -1 });
      expect(await member.commit(newName(), 0)).toBe(3);
    });
  });
});

describe('the offsets of a group', () => {
  it('are asked of the broker for the named partitions alone', async () => {
    const asked: unknown[] = [];
    const offsets = async (_: string, of: { partitions: number[] }): Promise<object[]> => {
      asked.push(of);
      return of.partitions.map((partition) => ({ partition, offset: partition * 10 }));
    };
    const session = { client: { groups: { offsets } } } as unknown as Session;
    const topics = [{ name: 'wide', topicId: ZERO_UUID, partitionIndexes: [7, 3, -1, 1_000] }];
    const answer = await offsetFetch(session, { groupId: 'g', topics, groups: [], requireStable: false }, 7);
    expect(asked).toEqual([{ topic: 'wide', partitions: [7, 3] }]);
    const { partitions } = (answer as { topics: { partitions: object[] }[] }).topics[0]!;
    expect(partitions).toMatchObject(
      [70, 30, -1, -1].map((committedOffset) => ({ committedOffset, errorCode: 0 })),
    );
  });
});

describe('a heartbeat', () => {
  it('of a member that was told to join again is answered so without a call, for a moment', async () => {
    let nowMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const asked: number[] = [];
    const classic = async (_: string, { generation }: { generation: number }): Promise<object> => {
      asked.push(generation);
      if (generation === 1) throw new PosthornError('rebalance_in_progress', 'join again', { status: 409 });
      return {};
    };
    const session = { client: { groups: { classic } } } as unknown as Session;
    const beat = async (generationId: number): Promise<object | null> =>
      await heartbeat(session, { groupId: 'g', generationId, memberId: 'm', groupInstanceId: null }, 3);
    for (const _ of [1, 2, 3]) expect(await beat(1)).toMatchObject({ errorCode: 27 });
    expect(asked).toEqual([1]);
    expect(await beat(2), 'it has joined').toEqual({ errorCode: 0 });
    nowMs += 600;
    expect(await beat(1)).toMatchObject({ errorCode: 27 });
    expect(asked).toEqual([1, 2, 1]);
    vi.restoreAllMocks();
  });
});
