/** Consumer groups over HTTP, against the real runtime. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeGroupFrame } from '../../../protocol/frames/group-frame.ts';
import { GROUP_RECORDS_TYPE } from '../../../protocol/headers/media-types.ts';
import { recordsOf, textOf } from '../../support/batches.ts';
import { GroupClient, partitionsOf } from '../../support/clients/group-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward' });
});
afterAll(() => broker.stop());

const groupOf = (name: string): GroupClient => new GroupClient(() => broker, name);

/** A topic with the same number of records in each partition: `<partition>-<nth>`. */
async function fill(topic: string, partitions: number, records: number): Promise<void> {
  await broker.declare(topic, { partitions });
  for (let partition = 0; partition < partitions; partition++) {
    await broker.produce(
      topic,
      Array.from({ length: records }, (_, nth) => ({ partition, value: `${partition}-${nth}` })),
    );
  }
}

describe('a group with one member', () => {
  it('reads everything assigned, commits, goes on, and leaves', async () => {
    const group = groupOf('thin');
    await fill('thin', 3, 2);
    const { status, body: member } = await group.join({ topics: ['thin'] });
    expect([status, member]).toMatchObject([
      201,
      {
        assignment: [0, 1, 2].map((partition) => ({ topic: 'thin', partition })),
        heartbeat_interval_ms: 5_000,
      },
    ]);
    const first = await group.poll(member);
    const values = first.body.records.map(({ value }) => value);
    expect(values.toSorted()).toEqual(['0-0', '0-1', '1-0', '1-1', '2-0', '2-1']);
    expect((await group.poll(member)).body.records, 'not committed yet').toHaveLength(6);
    expect((await group.commit(member, first.body.offsets)).status).toBe(200);
    expect((await group.poll(member)).body).toMatchObject({ records: [], offsets: [] });
    expect(await group.offsets()).toMatchObject(
      [0, 1, 2].map((partition) => ({ partition, offset: 2, lag: 0 })),
    );
    await broker.produce('thin', [{ partition: 1, value: 'next' }]);
    expect((await group.offsets('topic=thin')).map(({ lag }) => lag)).toEqual([0, 1, 0]);
    expect((await group.poll(member)).body.records).toMatchObject([
      { topic: 'thin', partition: 1, offset: 2 },
    ]);
    expect((await group.leave(member)).status).toBe(200);
    expect((await group.poll(member)).body.code).toBe('member_not_found');
    expect((await group.commit(member, [{ topic: 'thin', partition: 1, offset: 3 }])).body.code).toBe(
      'member_not_found',
    );
    expect((await group.describe()).body).toMatchObject({ state: 'empty', members: [] });
  });

  it('waits across all its partitions, and answers with the first record of any', async () => {
    const group = groupOf('waiting');
    await broker.declare('waiting', { partitions: 4 });
    const member = await group.joined({ topics: ['waiting'] });
    const poll = group.poll(member, 'wait_ms=30000');
    while ((await broker.state('waiting', 2)).waiting === 0) await delay(20);
    await broker.produce('waiting', [{ partition: 2, value: 'here' }]);
    expect((await poll).body.records).toMatchObject([{ partition: 2, offset: 0, value: 'here' }]);
    expect((await group.poll(member, 'wait_ms=100')).body.records, 'it was not committed').toHaveLength(1);
  });

  it('answers nothing when the time is over', async () => {
    const group = groupOf('silent');
    await broker.declare('silent', { partitions: 2 });
    const member = await group.joined({ topics: ['silent'] });
    const { status, body } = await group.poll(member, 'wait_ms=150');
    expect([status, body.records, body.offsets]).toEqual([200, [], []]);
  });

  it('gives each partition a fair share', async () => {
    const group = groupOf('fair');
    await fill('fair', 4, 50);
    const member = await group.joined({ topics: ['fair'] });
    const { records } = (await group.poll(member, 'max_records=20')).body;
    const counts = Map.groupBy(records, ({ partition }) => partition);
    expect([...counts.values()].map(({ length }) => length)).toEqual([5, 5, 5, 5]);
    const { offsets } = (await group.poll(member, 'max_records=1')).body;
    expect(offsets).toMatchObject([{ offset: 1 }]);
  });

  it('commits by itself where it is asked to', async () => {
    const group = groupOf('auto');
    await fill('auto', 2, 3);
    const member = await group.joined({ topics: ['auto'] });
    expect((await group.poll(member, 'auto_commit=true&max_records=4')).body.records).toHaveLength(4);
    expect((await group.poll(member, 'auto_commit=true')).body.records).toHaveLength(2);
    expect((await group.poll(member, 'auto_commit=true')).body.records).toHaveLength(0);
    expect((await group.offsets()).map(({ lag }) => lag)).toEqual([0, 0]);
  });

  it('begins at the end where that is asked for, and misses nothing from then on', async () => {
    const group = groupOf('tail');
    await fill('tail', 1, 3);
    const member = await group.joined({ topics: ['tail'], auto_offset_reset: 'latest' });
    expect((await group.poll(member)).body.records).toEqual([]);
    await broker.produce('tail', [{ value: 'new' }]);
    expect((await group.poll(member)).body.records).toMatchObject([{ offset: 3, value: 'new' }]);
  });

  it('reads as bytes from positions of its own, and only the partitions that it wants', async () => {
    const group = groupOf('bytes');
    await fill('bytes', 3, 4);
    const member = await group.joined({ topics: ['bytes'] });
    const response = await fetch(`${broker.url}${group.path}/members/${member.member_id}/records`, {
      method: 'POST',
      headers: { accept: GROUP_RECORDS_TYPE },
      body: JSON.stringify({
        epoch: member.epoch,
        positions: [{ topic: 'bytes', partition: 1, offset: 3 }],
        partitions: [
          { topic: 'bytes', partition: 1 },
          { topic: 'bytes', partition: 2 },
        ],
      }),
    });
    const frame = decodeGroupFrame(new Uint8Array(await response.arrayBuffer()));
    expect(frame.member).toEqual(member);
    const sections = frame.sections.toSorted((a, b) => a.partition - b.partition);
    expect(sections).toMatchObject([
      { topic: 'bytes', partition: 1, start_offset: 3, next_offset: 4, high_watermark: 4 },
      { topic: 'bytes', partition: 2, start_offset: 0, next_offset: 4, high_watermark: 4 },
    ]);
    const values = recordsOf([sections[0]!.batches]).filter(({ offset }) => offset >= 3);
    expect(values.map(({ value }) => textOf(value))).toEqual(['"1-3"']);
  });

  it('reads all topics of a pattern, also new ones, and new partitions, and forgets those that are gone', async () => {
    const group = groupOf('patterns');
    await fill('metrics.cpu', 1, 1);
    await fill('metrics.disk', 2, 1);
    await fill('logs.cpu', 1, 1);
    const member = await group.joined({ topic_pattern: 'metrics.*' });
    expect(member.assignment).toMatchObject([
      { topic: 'metrics.cpu', partition: 0 },
      { topic: 'metrics.disk', partition: 0 },
      { topic: 'metrics.disk', partition: 1 },
    ]);
    expect((await group.poll(member)).body.records).toHaveLength(3);
    await fill('metrics.net', 1, 1);
    await broker.advance(6_000);
    const grown = (await group.beat(member)).body;
    expect(grown.assignment).toContainEqual({
      topic: 'metrics.net',
      topic_id: expect.any(Number),
      partition: 0,
    });
    expect(grown.epoch).toBeGreaterThan(member.epoch);
    await broker.call('PATCH', '/v1/default/topics/metrics.cpu', { partitions: 3 });
    await broker.advance(6_000);
    expect((await group.beat(grown)).body.assignment).toHaveLength(6);
    await broker.call('DELETE', '/v1/default/topics/metrics.disk');
    await broker.advance(6_000);
    const polled = await group.poll(member);
    expect(polled.body.assignment.map(({ topic }) => topic)).not.toContain('metrics.disk');
    expect(polled.status).toBe(200);
  });
});

describe('members that share a topic', () => {
  it('hand partitions over one by one, and none has two owners', async () => {
    const group = groupOf('handover');
    await fill('handover', 4, 10);
    const a = await group.joined({ topics: ['handover'] });
    expect(partitionsOf(a)).toEqual([0, 1, 2, 3]);
    const { records } = (await group.poll(a)).body;
    expect(records).toHaveLength(40);
    const b = await group.joined({ topics: ['handover'] });
    expect(b.assignment, 'all are still owned').toEqual([]);
    // Has not heard of it, and reads on: a read that is not a heartbeat says so.
    expect((await group.poll(a, `epoch=${a.epoch}`)).body).toMatchObject({
      code: 'stale_epoch',
      status: 409,
    });
    const told = (await group.beat(a, { partitions: a.assignment })).body;
    expect(partitionsOf(told)).toHaveLength(2);
    expect((await group.beat(b)).body.assignment, 'a still works on them').toEqual([]);
    const revoked = [0, 1, 2, 3].filter((partition) => !partitionsOf(told).includes(partition));
    const work = revoked.map((partition) => ({ topic: 'handover', partition, offset: 7 }));
    expect((await group.commit(told, work)).status, 'it may still commit them').toBe(200);
    expect((await group.describe()).body).toMatchObject({ state: 'reconciling' });
    await group.beat(told, { partitions: told.assignment });
    const given = (await group.beat(b)).body;
    expect(partitionsOf(given)).toEqual(revoked);
    const polled = (await group.poll(b)).body;
    expect(polled.records.map(({ offset }) => offset).toSorted(), 'from where a has committed').toEqual([
      7, 7, 8, 8, 9, 9,
    ]);
    expect((await group.commit(told, work)).body, 'not any more').toMatchObject({
      code: 'partition_not_owned',
      status: 409,
    });
    expect((await group.offsets()).filter(({ partition }) => revoked.includes(partition))).toMatchObject([
      { offset: 7 },
      { offset: 7 },
    ]);
    const { members, state } = (await group.describe()).body;
    expect([state, members.map(({ assignment }) => assignment.length)]).toEqual(['stable', [2, 2]]);
  });

  it('are let go when they poll: simple clients need no heartbeat', async () => {
    const group = groupOf('pollers');
    await fill('pollers', 4, 5);
    const a = await group.joined({ topics: ['pollers'] });
    await group.poll(a);
    const b = await group.joined({ topics: ['pollers'] });
    expect((await group.poll(a)).body.assignment).toHaveLength(2);
    const { body } = await group.poll(b, 'wait_ms=5000');
    expect([body.assignment.length, body.records.length]).toEqual([2, 10]);
  });

  it('wait for what is about to be theirs', async () => {
    const group = groupOf('late');
    await fill('late', 2, 1);
    const a = await group.joined({ topics: ['late'], assignor: 'range' });
    const b = await group.joined({ topics: ['late'], assignor: 'range' });
    const poll = group.poll(b, 'wait_ms=20000');
    await delay(200);
    await group.leave(a);
    expect((await poll).body.records).not.toEqual([]);
  });

  it('of other groups see all of it too', async () => {
    await fill('shared', 2, 3);
    for (const name of ['shared-1', 'shared-2']) {
      const group = groupOf(name);
      const member = await group.joined({ topics: ['shared'] });
      const { records, offsets } = (await group.poll(member)).body;
      expect(records).toHaveLength(6);
      await group.commit(member, offsets);
    }
  });
});
