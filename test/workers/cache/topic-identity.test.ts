/** Positions of a topic that is deleted and made again under its name, over HTTP. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { MemberReply } from '../../../protocol/schemas/groups.ts';
import type { FetchReply } from '../../../protocol/schemas/records.ts';
import type { PartitionState } from '../../../protocol/schemas/topics.ts';
import { GroupClient } from '../../support/clients/group-client.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward' });
});
afterAll(() => broker.stop());

const groupOf = (name: string): GroupClient => new GroupClient(() => broker, name);

/** `<topic>-<life>-<nth>`, in partition 0. */
async function produce(topic: string, life: string, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, nth) => ({ value: `${life}-${nth}`, partition: 0 }));
  await broker.produce(topic, records);
}

async function declared(topic: string): Promise<number> {
  const { body } = await broker.declare(topic);
  return body.topic_id;
}

async function rebirth(topic: string): Promise<number> {
  await broker.call('DELETE', `/v1/default/topics/${topic}`);
  return await declared(topic);
}

const fetched = (topic: string, query: string): Promise<Reply<FetchReply & Partial<ProblemDocument>>> =>
  broker.call('GET', `/v1/default/topics/${topic}/partitions/0/records?${query}`);

const refusal = { status: 409, body: { code: 'inconsistent_topic_id', retryable: false } };

describe('a topic that is made again', () => {
  it('has another id, which every reply with offsets carries', async () => {
    const first = await declared('ids');
    await produce('ids', 'old', 2);
    const second = await rebirth('ids');
    expect(second).toBeGreaterThan(first);
    const path = '/v1/default/topics/ids';
    expect((await broker.call<object>('GET', path)).body).toMatchObject({ topic_id: second });
    const state = await broker.call<PartitionState>('GET', `${path}/partitions/0`);
    expect(state.body).toMatchObject({ topic_id: second, high_watermark: 0 });
    expect((await fetched('ids', 'offset=earliest')).body).toMatchObject({ topic_id: second, records: [] });
  });

  it('refuses a fetch, and a deletion of records, from a position of the old one', async () => {
    const first = await declared('refuses');
    await produce('refuses', 'old', 3);
    const second = await rebirth('refuses');
    await produce('refuses', 'new', 5);
    expect(await fetched('refuses', `offset=3&topic_id=${first}`)).toMatchObject({
      ...refusal,
      body: { ...refusal.body, topic: 'refuses', partition: 0, topic_id: second },
    });
    const records = '/v1/default/topics/refuses/partitions/0/records';
    expect(await broker.call('DELETE', `${records}?before=3&topic_id=${first}`)).toMatchObject(refusal);
    expect((await fetched('refuses', `offset=3&topic_id=${second}`)).body.records).toHaveLength(2);
    expect(
      (await fetched('refuses', 'offset=3')).body.records,
      'who does not say is not checked',
    ).toHaveLength(2);
    expect((await fetched('refuses', 'offset=3&topic_id=0')).status).toBe(400);
  });

  it('does not answer a wait that began in the old one', async () => {
    await declared('waits');
    await produce('waits', 'old', 1);
    const waiting = fetched('waits', 'offset=1&wait_ms=20000');
    await rebirth('waits');
    await produce('waits', 'new', 3);
    const { status, body } = await waiting;
    expect([status, body.code]).not.toEqual([200, undefined]);
  });
});

describe('a group of a topic that is made again', () => {
  it('is assigned the new one, and has its positions and commits of the old one refused', async () => {
    const group = groupOf('reborn');
    const first = await declared('reborn');
    await produce('reborn', 'old', 3);
    const member = await group.joined({ topics: ['reborn'] });
    expect(member.assignment).toEqual([{ topic: 'reborn', topic_id: first, partition: 0 }]);
    const polled = (await group.poll(member)).body;
    expect(polled.offsets).toEqual([{ topic: 'reborn', topic_id: first, partition: 0, offset: 3 }]);

    const second = await rebirth('reborn');
    await produce('reborn', 'new', 5);
    expect(await group.commit(member, polled.offsets)).toMatchObject(refusal);
    expect(await group.commit({ ...member, epoch: 999 }, polled.offsets)).toMatchObject(refusal);
    const positions = [{ topic: 'reborn', topic_id: first, partition: 0, offset: 3 }];
    expect(await group.read(member, { positions })).toMatchObject(refusal);
    const unnamed = [{ topic: 'reborn', partition: 0, offset: 3 }];
    expect((await group.commit(member, unnamed)).status, 'also one that does not say').toBe(409);
    expect(await group.offsets()).toMatchObject([{ topic_id: second, offset: null, lag: 5 }]);

    const now = (await group.beat(member)).body;
    expect(now.assignment).toEqual([{ topic: 'reborn', topic_id: second, partition: 0 }]);
    const { records, offsets } = (await group.poll(now)).body;
    expect(records.map(({ value }) => value)).toEqual(['new-0', 'new-1', 'new-2', 'new-3', 'new-4']);
    expect((await group.commit(now, polled.offsets)).body.code, 'also later').toBe('inconsistent_topic_id');
    expect((await group.commit(now, offsets)).status).toBe(200);
    expect(await group.offsets()).toMatchObject([{ topic_id: second, offset: 5, lag: 0 }]);
  });

  it('reads it from its start by simple reads that commit by themselves', async () => {
    const group = groupOf('reborn-auto');
    await declared('reborn-auto');
    await produce('reborn-auto', 'old', 3);
    const member = await group.joined({ topics: ['reborn-auto'] });
    expect((await group.poll(member, 'auto_commit=true')).body.records).toHaveLength(3);
    await rebirth('reborn-auto');
    await produce('reborn-auto', 'new', 4);
    const { records } = (await group.poll(member, 'auto_commit=true')).body;
    expect(records.map(({ value }) => value)).toEqual(['new-0', 'new-1', 'new-2', 'new-3']);
  });

  it('loses what it held of a topic that was gone for a while', async () => {
    const group = groupOf('gone');
    await declared('gone');
    await produce('gone', 'old', 3);
    const member = await group.joined({ topic_pattern: 'gone*' });
    const { offsets } = (await group.poll(member)).body;
    await broker.call('DELETE', '/v1/default/topics/gone');
    await broker.advance(6_000);
    // The member is told that it is gone, and still names it.
    const told = (await group.beat(member, { partitions: member.assignment })).body;
    expect(told.assignment).toEqual([]);
    const id = await declared('gone');
    await produce('gone', 'new', 5);
    await broker.advance(6_000);
    const now = (await group.beat(told, { partitions: member.assignment })).body;
    expect(now.assignment).toEqual([{ topic: 'gone', topic_id: id, partition: 0 }]);
    expect((await group.commit(told, offsets)).body.code).toBe('inconsistent_topic_id');
    expect((await group.commit(told, [{ topic: 'gone', partition: 0, offset: 3 }])).body.code).toBe(
      'stale_epoch',
    );
    expect((await group.poll(now)).body.records).toHaveLength(5);
  });
});

describe('latest', () => {
  it('is where a partition ended when the group first saw the topic, however late it is read', async () => {
    const group = groupOf('from-join');
    await declared('from-join');
    await produce('from-join', 'before', 3);
    const member = await group.joined({ topics: ['from-join'], auto_offset_reset: 'latest' });
    await produce('from-join', 'after', 2);
    expect(await group.offsets()).toMatchObject([{ offset: 3, lag: 2 }]);
    const { records } = (await group.poll(member)).body;
    expect(records.map(({ value }) => value)).toEqual(['after-0', 'after-1']);
  });

  it('reads what appears later from its start: partitions, topics of a pattern, a topic made again', async () => {
    const group = groupOf('later');
    await declared('later.a');
    await produce('later.a', 'before', 3);
    const member = await group.joined({ topic_pattern: 'later.*', auto_offset_reset: 'latest' });
    expect((await group.poll(member)).body.records).toEqual([]);
    await broker.call('PATCH', '/v1/default/topics/later.a', { partitions: 2 });
    await broker.produce('later.a', [{ value: 'partition', partition: 1 }]);
    await declared('later.b');
    await produce('later.b', 'topic', 2);
    const first = await readAll(group, member, 3);
    expect(first).toEqual(['partition', 'topic-0', 'topic-1']);
    await rebirth('later.a');
    await produce('later.a', 'again', 2);
    expect(await readAll(group, member, 2)).toEqual(['again-0', 'again-1']);
  });

  it('remembers what it has seen while it had no members', async () => {
    const group = groupOf('between');
    await declared('between.a');
    const fields = { topic_pattern: 'between.*', auto_offset_reset: 'latest' };
    await group.leave(await group.joined(fields));
    await declared('between.b');
    await produce('between.b', 'meanwhile', 2);
    expect(await readAll(group, await group.joined(fields), 2)).toEqual(['meanwhile-0', 'meanwhile-1']);
  });

  it('is where a topic ends that the group subscribes to later', async () => {
    const group = groupOf('subscribes');
    await declared('subscribes.a');
    const a = await group.joined({ topics: ['subscribes.a'], auto_offset_reset: 'latest' });
    await declared('subscribes.b');
    await produce('subscribes.b', 'before', 3);
    await group.leave(a);
    const b = await group.joined({
      topics: ['subscribes.a', 'subscribes.b'],
      auto_offset_reset: 'latest',
    });
    await produce('subscribes.b', 'after', 1);
    expect(await readAll(group, b, 1)).toEqual(['after-0']);
  });
});

describe('offsets of a group that has never had a member', () => {
  it('are set in one call, which makes the group, and its first member begins there', async () => {
    const group = groupOf('payments');
    await declared('payments');
    const records = [1, 2, 3, 4].map((nth) => ({ value: nth, timestamp: nth * 1_000 }));
    await broker.produce('payments', records);
    const dry = await group.reset({ topic: 'payments', to: '@3000', dry_run: true });
    expect(dry).toMatchObject({ status: 200, body: { offsets: [{ from: null, to: 2 }] } });
    expect((await group.describe()).status, 'a dry run makes nothing').toBe(404);
    expect((await group.reset({ topic: 'payments', to: '@3000' })).body.offsets).toMatchObject([{ to: 2 }]);
    expect((await group.describe()).body).toMatchObject({ state: 'empty', offsets: [{ offset: 2, lag: 2 }] });
    const { body } = await broker.call<{ groups: object[] }>('GET', '/v1/default/groups');
    expect(body.groups).toContainEqual({ group: 'payments' });
    const member = await group.joined({ topics: ['payments'], auto_offset_reset: 'latest' });
    const { records: read } = (await group.poll(member)).body;
    expect(read.map(({ value }) => value)).toEqual([3, 4]);
  });

  it.each([
    ['earliest', 0],
    ['latest', 2],
    [1, 1],
  ])('may be %s', async (to, offset) => {
    const group = groupOf(`set-${to}`);
    await declared(`set-${to}`);
    await produce(`set-${to}`, 'x', 2);
    expect((await group.reset({ topic: `set-${to}`, to })).body.offsets).toMatchObject([{ to: offset }]);
    expect((await group.delete()).status).toBe(200);
  });

  it('are refused for a topic that was made again', async () => {
    const first = await declared('set-reborn');
    await rebirth('set-reborn');
    const reply = await groupOf('set-reborn').reset({ topic: 'set-reborn', topic_id: first, to: 0 });
    expect(reply).toMatchObject(refusal);
  });
});

/** Polls and commits until so many values are there, in their order by text. */
async function readAll(group: GroupClient, member: MemberReply, count: number): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let round = 0; values.length < count && round < 10; round++) {
    const { records, offsets, epoch } = (await group.poll(member)).body;
    values.push(...records.map(({ value }) => value));
    if (offsets.length > 0) await group.commit({ ...member, epoch }, offsets);
    else await broker.advance(3_000);
  }
  return values.toSorted();
}
