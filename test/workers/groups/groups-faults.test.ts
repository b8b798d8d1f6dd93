/** Groups whose members vanish, whose object leaves memory, or whose partitions cannot be reached. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemberReply } from '../../../protocol/schemas/groups.ts';
import { GroupClient, partitionsOf } from '../../support/clients/group-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
});
afterAll(() => broker.stop());

const groupOf = (name: string): GroupClient => new GroupClient(() => broker, name);

describe('a member that is not heard of', () => {
  it('is removed after its session timeout, and can commit nothing more, whatever it believes', async () => {
    const group = groupOf('timeout');
    await broker.declare('timeout', { partitions: 2 });
    await broker.produce('timeout', [
      { partition: 0, value: 1 },
      { partition: 1, value: 2 },
    ]);
    const a = await group.joined({ topics: ['timeout'], session_timeout_ms: 20_000 });
    const { offsets } = (await group.poll(a)).body;
    const b = await group.joined({ topics: ['timeout'], session_timeout_ms: 60_000 });
    await broker.advance(10_000);
    await group.beat(b);
    expect((await group.describe()).body.members).toHaveLength(2);
    await broker.advance(10_001);
    expect((await group.beat(b)).status).toBe(200);
    expect((await group.describe()).body.members.map(({ member_id }) => member_id)).toEqual([b.member_id]);
    expect(await group.commit(a, offsets)).toMatchObject({ status: 404, body: { code: 'member_not_found' } });
    expect((await group.beat(a)).body.code).toBe('member_not_found');
    expect(partitionsOf((await group.beat(b)).body)).toEqual([0, 1]);
    expect(
      (await group.offsets()).map(({ offset }) => offset),
      'nothing was committed',
    ).toEqual([null, null]);
    expect((await group.poll(b)).body.records, 'and all is read again').toHaveLength(2);
  });

  it('is removed by the alarm where nobody else is there', async () => {
    const group = groupOf('alone');
    await broker.declare('alone');
    await group.joined({ topics: ['alone'], session_timeout_ms: 1_000 });
    const calls = (await group.describe()).body.meter.calls;
    await delay(2_000);
    const { state, meter } = (await group.describe()).body;
    expect([state, meter.calls]).toEqual(['empty', calls + 1]);
  });
});

describe('a group out of memory', () => {
  it('knows its members and offsets, and gives everybody a full session timeout', async () => {
    const group = groupOf('evicted');
    await broker.declare('evicted', { partitions: 2 });
    await broker.produce('evicted', [{ partition: 0, value: 1 }]);
    const a = await group.joined({ topics: ['evicted'], session_timeout_ms: 30_000 });
    const b = await group.joined({ topics: ['evicted'], session_timeout_ms: 30_000 });
    await group.poll(a);
    const [ofA, ofB] = [(await group.beat(a)).body, (await group.beat(b)).body];
    await broker.advance(29_000);
    const { since } = (await group.describe()).body.meter;
    await group.evict();
    await broker.advance(2_000);
    expect((await group.describe()).body).toMatchObject({ state: 'stable', members: [{}, {}] });
    expect((await group.describe()).body.meter.since).toBeGreaterThan(since);
    expect((await group.beat(ofA)).body).toEqual(ofA);
    await broker.advance(29_000);
    expect((await group.beat(ofB)).body).toEqual(ofB);
    await broker.advance(1_500);
    // a has answered the roll call, and is heard of too long ago; b only just.
    expect((await group.describe()).body.members.map(({ member_id }) => member_id)).toEqual([b.member_id]);
  });

  it('removes who does not answer, also where it leaves memory again and again', async () => {
    const group = groupOf('sleepy');
    await broker.declare('sleepy', { partitions: 2 });
    const dead = await group.joined({ topics: ['sleepy'], session_timeout_ms: 20_000 });
    const slow = await group.joined({ topics: ['sleepy'], session_timeout_ms: 20_000 });
    for (let nth = 0; nth < 6; nth++) {
      await group.evict();
      await broker.advance(9_000);
      await group.beat(slow);
    }
    expect((await group.describe()).body.members.map(({ member_id }) => member_id)).toEqual([slow.member_id]);
    expect((await group.beat(dead)).body.code).toBe('member_not_found');
  });

  it('is there after a restart, with what was committed', async () => {
    const group = groupOf('restarted');
    await broker.declare('restarted', { partitions: 2 });
    await broker.produce('restarted', [
      { partition: 0, value: 1 },
      { partition: 1, value: 2 },
    ]);
    const member = await group.joined({ topics: ['restarted'] });
    await group.poll(member);
    await group.commit(member, [{ topic: 'restarted', partition: 0, offset: 1, metadata: 'half' }]);
    await broker.restart();
    expect((await group.beat(member)).body).toEqual(member);
    expect((await group.poll(member)).body.records).toMatchObject([{ partition: 1, value: 2 }]);
    expect((await group.offsets())[0]).toMatchObject({ offset: 1, metadata: 'half', lag: 0 });
  });
});

describe('a partition that cannot be told that a member is gone', () => {
  const failNext = (times: number): Promise<unknown> =>
    fetch(`${broker.url}/test/unfenceable?times=${times}`);

  it('keeps it from being given away, and the member from hearing that it is gone, until it knows', async () => {
    const group = groupOf('untold');
    await broker.declare('untold', { partitions: 2 });
    const a = await group.joined({ topics: ['untold'], instance_id: 'a' });
    await group.poll(a);
    const b = await group.joined({ topics: ['untold'], instance_id: 'b' });
    await failNext(1_000);
    expect((await group.leave(a)).body).toMatchObject({ code: 'group_unavailable', retryable: true });
    expect((await group.beat(a)).body.code).toBe('group_unavailable');
    expect((await group.beat(b)).body.assignment).toEqual([]);
    expect((await group.describe()).body).toMatchObject({ state: 'reconciling' });
    await failNext(0);
    expect((await group.leave(a)).status, 'the same again').toBe(200);
    expect(partitionsOf((await group.beat(b)).body)).toEqual([0, 1]);
    expect((await group.beat(a)).body.code).toBe('member_not_found');
  });

  it('is told after a restart: it was noted with the change', async () => {
    const group = groupOf('noted');
    await broker.declare('noted');
    const a = await group.joined({ topics: ['noted'] });
    const b = await group.joined({ topics: ['noted'] });
    await failNext(1_000);
    await group.leave(a);
    await broker.restart();
    await givenTo(group, b, [0]);
  });

  it('is told by the alarm', async () => {
    const group = groupOf('told-later');
    await broker.declare('told-later');
    const a = await group.joined({ topics: ['told-later'] });
    const b = await group.joined({ topics: ['told-later'] });
    await failNext(1);
    await group.leave(a);
    await broker.advance(6_000);
    await givenTo(group, b, [0]);
  });
});

describe('static membership', () => {
  it('gives an instance its partitions back without a rebalance, and fences the one before', async () => {
    const group = groupOf('static');
    await broker.declare('static', { partitions: 4 });
    const one = await group.joined({ topics: ['static'], instance_id: 'one' });
    const two = await group.joined({ topics: ['static'], instance_id: 'two' });
    await group.poll(one); // lets go of half
    const before = (await group.poll(one)).body;
    const other = (await group.beat(two)).body;
    const again = await group.joined({ topics: ['static'], instance_id: 'one' });
    expect(partitionsOf(again), 'at once').toEqual(partitionsOf(before));
    expect((await group.beat(other)).body.assignment, 'the other one goes on').toEqual(other.assignment);
    expect((await group.poll(two, `epoch=${other.epoch}`)).status, 'with the epoch that it knows').toBe(200);
    for (const reply of [
      await group.beat(one),
      await group.poll(one),
      await group.commit(before, [{ topic: 'static', partition: partitionsOf(before)[0]!, offset: 0 }]),
      await group.leave(one),
    ]) {
      expect([reply.status, reply.body.code, reply.body.retryable]).toEqual([409, 'instance_fenced', false]);
    }
  });
});

async function givenTo(group: GroupClient, member: MemberReply, partitions: number[]): Promise<void> {
  const end = Date.now() + 10_000;
  while ((await group.beat(member)).body.assignment.length < partitions.length && Date.now() < end)
    await delay(20);
  expect(partitionsOf((await group.beat(member)).body)).toEqual(partitions);
}
