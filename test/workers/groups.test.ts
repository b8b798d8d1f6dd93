/** Consumer groups over HTTP, against the real runtime. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GroupRecords, GroupState, MemberReply } from '../../protocol/groups.ts';
import { TestBroker, type Reply } from '../support/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const groupPath = (group: string): string => `/v1/default/groups/${group}`;

const join = (group: string, fields: object): Promise<Reply<MemberReply>> =>
  broker.call('POST', `${groupPath(group)}/members`, fields);

const beat = (
  group: string,
  { member_id, epoch }: MemberReply,
  fields: object = {},
): Promise<Reply<MemberReply>> =>
  broker.call('POST', `${groupPath(group)}/members/${member_id}/heartbeat`, { epoch, ...fields });

const poll = (group: string, memberId: string, query = ''): Promise<Reply<GroupRecords>> =>
  broker.call('GET', `${groupPath(group)}/members/${memberId}/records?${query}`);

const commit = (group: string, { member_id, epoch }: MemberReply, offsets: object[]): Promise<Reply<any>> =>
  broker.call('POST', `${groupPath(group)}/offsets`, { member_id, epoch, offsets });

const describeGroup = (group: string): Promise<Reply<GroupState>> => broker.call('GET', groupPath(group));

describe('the thin path of a group', () => {
  it('joins, reads everything assigned, commits, goes on, leaves', async () => {
    await broker.declare('thin', { partitions: 3 });
    for (let partition = 0; partition < 3; partition++) {
      await broker.produce('thin', [
        { partition, value: `a${partition}` },
        { partition, value: `b${partition}` },
      ]);
    }
    const joined = await join('thin', { topics: ['thin'] });
    expect([joined.status, joined.body]).toMatchObject([
      201,
      {
        assignment: [0, 1, 2].map((partition) => ({ topic: 'thin', partition })),
        heartbeat_interval_ms: 5_000,
      },
    ]);
    const { member_id } = joined.body;
    const first = await poll('thin', member_id);
    expect(first.body.records.map(({ value }) => value).toSorted()).toEqual([
      'a0',
      'a1',
      'a2',
      'b0',
      'b1',
      'b2',
    ]);
    expect((await poll('thin', member_id)).body.records, 'not committed yet').toHaveLength(6);
    expect((await commit('thin', first.body, first.body.offsets)).status).toBe(200);
    expect((await poll('thin', member_id)).body).toMatchObject({ records: [], offsets: [] });
    const offsets = await broker.call<any>('GET', `${groupPath('thin')}/offsets`);
    expect(offsets.body.offsets).toMatchObject(
      [0, 1, 2].map((partition) => ({ partition, offset: 2, lag: 0 })),
    );
    expect((await broker.call('DELETE', `${groupPath('thin')}/members/${member_id}`)).status).toBe(200);
    expect((await poll('thin', member_id)).body).toMatchObject({ code: 'member_not_found' });
    expect((await describeGroup('thin')).body).toMatchObject({ state: 'empty', members: [] });
  });
});
