/** Offsets of groups: fences, resets, expiry, deletion; and what is refused, which must leave the group as it was. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemberReply } from '../../../protocol/schemas/groups.ts';
import { OFFSETS_RETENTION_MS } from '../../../protocol/limits.ts';
import { GroupClient } from '../../support/clients/group-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
});
afterAll(() => broker.stop());

const groupOf = (name: string): GroupClient => new GroupClient(() => broker, name);

/** A topic of one partition with ten records, a second apart, and a member of a group of the same name. */
async function start(name: string): Promise<{ group: GroupClient; member: MemberReply }> {
  const group = groupOf(name);
  await broker.declare(name, { retention_ms: null });
  const records = Array.from({ length: 10 }, (_, nth) => ({ value: nth, timestamp: 1_000 * (nth + 1) }));
  await broker.produce(name, records);
  return { group, member: await group.joined({ topics: [name] }) };
}

describe('a commit', () => {
  it('is one row in its partition, and none in the group', async () => {
    const { group, member } = await start('cost');
    await group.poll(member);
    const at = (offset: number): object[] => [{ topic: 'cost', partition: 0, offset }];
    await group.commit(member, at(1) as never);
    const rows = async (): Promise<number[]> => [
      (await broker.state('cost', 0)).meter.rows_written,
      (await group.describe()).body.meter.rows_written,
    ];
    const [partition, ofGroup] = await rows();
    for (let offset = 2; offset < 7; offset++) await group.commit(member, at(offset) as never);
    expect(await rows()).toEqual([partition! + 5, ofGroup]);
    await group.commit(member, at(6) as never);
    expect(await rows(), 'one that changes nothing is none').toEqual([partition! + 5, ofGroup]);
  });

  it('keeps metadata, goes back as well as on, and stays within the log', async () => {
    const { group, member } = await start('metadata');
    const topic = 'metadata';
    expect((await group.commit(member, [{ topic, partition: 0, offset: 7, metadata: 'über' }])).status).toBe(
      200,
    );
    expect(await group.offsets()).toMatchObject([{ offset: 7, metadata: 'über', lag: 3 }]);
    expect((await group.commit(member, [{ topic, partition: 0, offset: 3 }])).status).toBe(200);
    expect(await group.offsets()).toMatchObject([
      { topic, partition: 0, offset: 3, lag: 7, log_start_offset: 0, high_watermark: 10 },
    ]);
    await broker.call('DELETE', `/v1/default/topics/${topic}/partitions/0/records?before=5`);
    expect(await group.offsets()).toMatchObject([{ offset: 3, lag: 5, log_start_offset: 5 }]);
    expect((await group.poll(member)).body.records[0], 'reads on where records are').toMatchObject({
      offset: 5,
    });
    expect((await group.commit(member, [{ topic, partition: 0, offset: -1 }])).status).toBe(200);
    expect(await group.offsets(), 'forgets').toMatchObject([{ offset: null, lag: 5 }]);
    expect((await group.commit(member, [{ topic, partition: 0, offset: 6 }])).status).toBe(200);
    expect(await group.offsets()).toMatchObject([{ offset: 6, lag: 4 }]);
    expect((await group.commit(member, [{ topic, partition: 0, offset: -2 }])).status).toBe(200);
    expect(await group.offsets(), 'the start').toMatchObject([{ offset: -2, lag: 5 }]);
    expect((await group.commit(member, [{ topic, partition: 0, offset: -3 }])).status).toBe(400);
  });

  it('makes no group if none of its offsets can be committed', async () => {
    await broker.declare('nobodys', { partitions: 2 });
    await broker.produce('nobodys', [{ value: 1, partition: 0 }]);
    const commit = (...offsets: object[]): Promise<{ status: number; body: { code?: string } }> =>
      broker.call('POST', '/v1/default/groups/nobodys/offsets', {
        offsets: offsets.map((fields) => ({ topic: 'nobodys', ...fields })),
      });
    for (const [offset, code] of [
      [{ partition: 2, offset: 0 }, 'partition_not_found'],
      [{ partition: 0, offset: 5 }, 'offset_past_end'],
      [{ partition: 0, offset: 0, topic_id: 9_999 }, 'inconsistent_topic_id'],
      [{ partition: 0, offset: 0, topic: 'missing' }, 'topic_not_found'],
    ] as const)
      expect((await commit(offset)).body.code).toBe(code);
    expect((await broker.call('GET', '/v1/default/groups/nobodys')).status).toBe(404);
    expect((await commit({ partition: 0, offset: 1 }, { partition: 0, offset: 5 })).status).toBe(416);
    expect((await commit({ partition: 0, offset: 1 }, { partition: 1, offset: 5 })).body).toMatchObject({
      code: 'offset_past_end',
      committed: [{ partition: 0, offset: 1 }],
    });
    expect(await groupOf('nobodys').offsets()).toMatchObject([{ offset: 1 }, { offset: null }]);
  });

  it('of a member that assigns partitions itself needs a group, which a refused join does not make', async () => {
    const fields = {
      client_id: 'c',
      session_timeout_ms: 6_000,
      rebalance_timeout_ms: 6_000,
      protocol_type: 'consumer',
    };
    const join = (more: object): Promise<{ status: number; body: { code?: string } }> =>
      broker.call('POST', '/v1/default/groups/unfit/classic', { action: 'join', ...fields, ...more });
    const protocols = [{ name: 'range', metadata: '' }];
    expect((await join({ needs_id: false, protocols: [] })).body.code).toBe('inconsistent_protocol');
    expect((await join({ member_id: 'nobody', needs_id: false, protocols })).body.code).toBe(
      'member_not_found',
    );
    expect((await join({ needs_id: true, protocols })).body.code).toBe('member_id_required');
    expect((await broker.call('GET', '/v1/default/groups/unfit')).status).toBe(404);
    const { groups } = (await broker.call<{ groups: { group: string }[] }>('GET', '/v1/default/groups')).body;
    expect(groups.map(({ group }) => group)).not.toContain('unfit');
  });

  it('is read of the partitions of a topic that a request names', async () => {
    const group = groupOf('some');
    await broker.declare('some', { partitions: 4 });
    await group.joined({ topics: ['some'] });
    const numbers = async (query: string): Promise<number[]> =>
      (await group.offsets(query)).map(({ partition }) => partition);
    expect(await numbers('topic=some&partitions=3,1,3,9')).toEqual([1, 3]);
    expect(await numbers('topic=some&partitions=2')).toEqual([2]);
    expect(await numbers('topic=some&partitions=1,2,3&limit=2')).toEqual([1, 2]);
    expect(await numbers('topic=some&partitions=1,2,3&limit=2&after=some/2')).toEqual([3]);
    expect(await numbers('partitions=0,2'), 'of all topics').toEqual([0, 2]);
    for (const query of ['topic=some&partitions=-1', 'topic=some&partitions=1,'])
      expect((await broker.call('GET', `${group.path}/offsets?${query}`)).status).toBe(400);
  });

  it('is taken or refused by each partition on its own, and the reply says which', async () => {
    const group = groupOf('partly');
    await broker.declare('partly', { partitions: 2 });
    await broker.produce('partly', [{ partition: 0, value: 1 }]);
    const member = await group.joined({ topics: ['partly'] });
    const { status, body } = await group.commit(member, [
      { topic: 'partly', partition: 0, offset: 1 },
      { topic: 'partly', partition: 1, offset: 1 },
    ]);
    expect([status, body]).toMatchObject([
      416,
      {
        code: 'offset_past_end',
        committed: [{ topic: 'partly', partition: 0, offset: 1 }],
        refused: [{ partition: 1, code: 'offset_past_end' }],
      },
    ]);
  });
});

describe('a reset', () => {
  it('goes to the earliest, the latest, a time, an offset, or by so many', async () => {
    const { group, member } = await start('reset');
    await group.commit(member, [{ topic: 'reset', partition: 0, offset: 4 }]);
    const refused = await group.reset({ topic: 'reset', to: 'earliest' });
    expect([refused.status, refused.body.code]).toEqual([409, 'group_not_empty']);
    await group.leave(member);
    const cases: [object, number | null][] = [
      [{ shift_by: 3 }, 7],
      [{ shift_by: -100 }, 0],
      [{ to: 'latest' }, 10],
      [{ to: '@3500' }, 3],
      [{ to: 6 }, 6],
      [{ to: 1_000 }, 10],
      [{ to: 'none' }, null],
      [{ to: 'none' }, null],
      [{ to: 'earliest' }, 0],
    ];
    let from: number | null = 4;
    for (const [fields, to] of cases) {
      const dry = await group.reset({ topic: 'reset', dry_run: true, ...fields });
      expect(dry.body).toMatchObject({
        dry_run: true,
        offsets: [{ topic: 'reset', partition: 0, from, to }],
      });
      expect((await group.offsets())[0]!.offset, 'a dry run changes nothing').toBe(from);
      const { body } = await group.reset({ topic: 'reset', ...fields });
      expect(body.offsets).toMatchObject([{ topic: 'reset', partition: 0, from, to }]);
      from = to;
    }
    await group.reset({ topic: 'reset', to: 8 });
    const next = await group.joined({ topics: ['reset'] });
    expect((await group.poll(next)).body.records.map(({ offset }) => offset)).toEqual([8, 9]);
    expect((await group.commit(member, [{ topic: 'reset', partition: 0, offset: 2 }])).body.code).toBe(
      'member_not_found',
    );
  });
});

describe('offsets of a group', () => {
  it('expire a week after the last use, but not while it has members', async () => {
    const { group, member } = await start('expiry');
    await group.commit(member, [{ topic: 'expiry', partition: 0, offset: 5 }]);
    for (let passed = 0; passed < OFFSETS_RETENTION_MS + 86_400_000; passed += 40_000_000) {
      await broker.advance(40_000_000);
      await group.evict(); // so that nobody is overdue: the member is only slow
      await group.beat(member);
    }
    await broker.state('expiry', 0);
    expect((await group.offsets())[0]).toMatchObject({ offset: 5 });
    await group.leave(member);
    await broker.advance(OFFSETS_RETENTION_MS - 1_000);
    await broker.state('expiry', 0);
    expect((await group.offsets())[0]).toMatchObject({ offset: 5 });
    await broker.advance(86_400_000 + 2_000);
    for (let tries = 0; tries < 100 && (await group.offsets())[0]!.offset !== null; tries++);
    expect((await group.offsets())[0]).toMatchObject({ offset: null, lag: 10 });
  });

  it('go with the group, which is made anew by the next that joins', async () => {
    const { group, member } = await start('deleted');
    await group.commit(member, [{ topic: 'deleted', partition: 0, offset: 5 }]);
    expect((await group.delete()).body).toMatchObject({ code: 'group_not_empty', status: 409 });
    const list = async (): Promise<string> =>
      JSON.stringify((await broker.call('GET', '/v1/default/groups')).body);
    expect(await list()).toContain('{"group":"deleted"}');
    await group.leave(member);
    expect((await group.delete()).status).toBe(200);
    expect(await list()).not.toContain('{"group":"deleted"}');
    expect((await group.describe()).body.code).toBe('group_not_found');
    const again = await group.joined({ topics: ['deleted'] });
    expect((await group.poll(again)).body.records).toHaveLength(10);
    expect((await group.commit(again, [{ topic: 'deleted', partition: 0, offset: 1 }])).status).toBe(200);
    await broker.restart();
    expect((await group.describe()).body.members).toHaveLength(1);
  });

  it('are those of the topic as it is now, not of one of the same name before', async () => {
    const { group, member } = await start('remade');
    await group.commit(member, [{ topic: 'remade', partition: 0, offset: 5 }]);
    await broker.call('DELETE', '/v1/default/topics/remade');
    await broker.declare('remade');
    await broker.produce('remade', [{ value: 'new' }]);
    await broker.advance(6_000);
    await group.poll(member);
    expect((await group.poll(member)).body.records).toMatchObject([{ offset: 0, value: 'new' }]);
    expect(await group.offsets()).toMatchObject([{ offset: null, lag: 1 }]);
  });
});

describe('what is refused', () => {
  it('says precisely why, and leaves the group as it was', async () => {
    const group = groupOf('refusals');
    await broker.declare('refusals', { partitions: 2 });
    await broker.declare('unread');
    const member = await group.joined({ topics: ['refusals'] });
    await group.poll(member);
    const before =
      JSON.stringify((await group.describe()).body.members) + (await group.describe()).body.epoch;
    const offset = (fields: object): object => ({ topic: 'refusals', partition: 0, offset: 0, ...fields });
    const commit = (
      fields: object,
      by: object = member,
    ): Promise<{ status: number; body: { code?: string } }> =>
      group.commit({ ...member, ...by }, [offset(fields)] as never);
    const stranger = { ...member, member_id: 'nobody' };
    const unknown = groupOf('never-joined');
    const cases: [string, Promise<{ status: number; body: { code?: string } }>, number, string][] = [
      ['a topic that is not there', group.join({ topics: ['missing'] }), 404, 'topic_not_found'],
      ['no topics', group.join({}), 400, 'invalid_field'],
      ['a pattern that is none', group.join({ topic_pattern: 'a/b' }), 400, 'invalid_field'],
      ['an unknown assignor', group.join({ topics: ['refusals'], assignor: 'best' }), 400, 'invalid_field'],
      [
        'a timeout too short',
        group.join({ topics: ['refusals'], session_timeout_ms: 999 }),
        400,
        'invalid_field',
      ],
      [
        'a timeout too long',
        group.join({ topics: ['refusals'], session_timeout_ms: 1_800_001 }),
        400,
        'invalid_field',
      ],
      ['a group of a bad name', groupOf('a%00b').join({ topics: ['refusals'] }), 400, 'invalid_name'],
      ['an unknown group', unknown.describe(), 404, 'group_not_found'],
      ['a member of an unknown group', unknown.beat(member), 404, 'group_not_found'],
      [
        'a reset of a topic that is not there',
        unknown.reset({ topic: 'gone', to: 0 }),
        404,
        'topic_not_found',
      ],
      ['deleting an unknown group', unknown.delete(), 404, 'group_not_found'],
      ['an unknown member', group.beat(stranger), 404, 'member_not_found'],
      ['an unknown member that reads', group.poll(stranger), 404, 'member_not_found'],
      [
        'an unknown member that commits',
        group.commit(stranger, [offset({})] as never),
        404,
        'member_not_found',
      ],
      ['an unknown member that leaves', group.leave(stranger), 404, 'member_not_found'],
      ['an epoch before it joined', group.beat({ ...member, epoch: 999 }), 409, 'stale_epoch'],
      ['no epoch', group.beat({ ...member, epoch: undefined as never }), 400, 'invalid_field'],
      ['a read in an epoch to come', group.poll(member, 'epoch=999'), 409, 'stale_epoch'],
      ['a commit beyond the end', commit({ offset: 1 }), 416, 'offset_past_end'],
      ['a commit before the start', commit({ offset: -3 }), 400, 'invalid_field'],
      ['a commit for a topic it does not read', commit({ topic: 'unread' }), 409, 'partition_not_owned'],
      ['a commit for a topic that is not there', commit({ topic: 'missing' }), 404, 'topic_not_found'],
      ['a commit for a partition that is not there', commit({ partition: 2 }), 404, 'partition_not_found'],
      ['a commit with too much metadata', commit({ metadata: 'ü'.repeat(2_049) }), 400, 'invalid_field'],
      [
        'a read of a partition that it has not',
        group.read(member, { partitions: [{ topic: 'unread', partition: 0 }] }),
        409,
        'partition_not_owned',
      ],
      [
        'a read past the end',
        group.read(member, { positions: [{ topic: 'refusals', partition: 0, offset: 9 }] }),
        416,
        'offset_past_end',
      ],
      ['a reset to two places', group.reset({ topic: 'refusals', to: 1, shift_by: 1 }), 400, 'invalid_field'],
      ['a reset of a group with members', group.reset({ topic: 'refusals', to: 1 }), 409, 'group_not_empty'],
      ['an unknown field', group.join({ topics: ['refusals'], colour: 1 }), 400, 'unknown_field'],
    ];
    for (const [what, reply, status, code] of cases) {
      const { status: is, body } = await reply;
      expect([what, is, body.code]).toEqual([what, status, code]);
    }
    const { members, epoch } = (await group.describe()).body;
    expect(JSON.stringify(members) + epoch).toBe(before);
    expect((await broker.call('GET', '/v1/default/groups')).body).not.toMatchObject({
      groups: expect.arrayContaining([{ group: 'never-joined' }]),
    });
  });
});
