/** Offsets of groups that are committed within a transaction: with it, or not at all, and nobody reads on meanwhile. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemberReply } from '../../../protocol/schemas/groups.ts';
import { GroupClient } from '../../support/clients/group-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { TransactionClient } from '../../support/clients/transaction-client.ts';

let broker: TestBroker;
beforeAll(
  async () => void (broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' })),
);
afterAll(() => broker.stop());

interface Scene {
  topic: string;
  output: string;
  group: GroupClient;
  member: MemberReply;
  tx: TransactionClient;
  at: (offset: number) => { topic: string; partition: number; offset: number }[];
}

let scenes = 0;

/** A topic with ten records, a member that has read them, and a transactional producer. */
async function start(more: object = {}): Promise<Scene> {
  const topic = `input${++scenes}`;
  const output = `output${scenes}`;
  await broker.declare(topic);
  await broker.declare(output);
  await broker.produce(
    topic,
    Array.from({ length: 10 }, (_, value) => ({ value })),
  );
  const group = new GroupClient(() => broker, topic);
  const member = await group.joined({ topics: [topic], ...more });
  expect((await group.poll(member)).body.records.length).toBe(10);
  const tx = await TransactionClient.begin(() => broker);
  return { topic, output, group, member, tx, at: (offset) => [{ topic, partition: 0, offset }] };
}

const isPending = async ({ group }: Scene): Promise<boolean> => (await group.offsets())[0]!.pending === true;
const offsetOf = async ({ group }: Scene): Promise<number | null> => (await group.offsets())[0]!.offset;

describe('offsets in a transaction', () => {
  it('take effect when it is committed, not before', async () => {
    const scene = await start();
    const { tx, topic, output, group, member, at } = scene;
    await tx.send(output, 0, 'result');
    expect((await tx.offsets(topic, member, at(4))).body).toMatchObject({ offsets: at(4) });
    expect(await group.offsets()).toMatchObject([{ offset: null, pending: true }]);
    expect((await tx.state()).partitions).toEqual([
      { topic: output, partition: 0 },
      { topic, partition: 0, group: topic },
    ]);
    expect((await tx.end('commit')).body.state).toBe('empty');
    expect(await offsetOf(scene)).toBe(4);
    expect(await isPending(scene)).toBe(false);
    expect((await broker.state(topic, 0)).high_watermark, 'the input has no marker').toBe(10);
    expect((await group.poll(member)).body.records[0]).toMatchObject({ value: 4 });
  });

  it('vanish when it is aborted', async () => {
    const scene = await start();
    const { tx, topic, member, at } = scene;
    await tx.offsets(topic, member, at(4));
    await tx.end('commit');
    await tx.offsets(topic, member, at(8));
    await tx.offsets(topic, member, at(9));
    await tx.end('abort');
    expect([await offsetOf(scene), await isPending(scene)]).toEqual([4, false]);
  });

  it('are as they were when everything is restarted between any two steps', async () => {
    const scene = await start();
    const { tx, topic, member, at } = scene;
    await tx.offsets(topic, member, at(4));
    await broker.restart();
    expect([await offsetOf(scene), await isPending(scene)]).toEqual([null, true]);
    await tx.offsets(topic, member, at(5));
    await broker.restart();
    await tx.end('commit');
    await broker.restart();
    expect([await offsetOf(scene), await isPending(scene)]).toEqual([5, false]);
  });

  it('cost two rows in each partition, and one in the coordinator', async () => {
    const { tx, topic, member, at } = await start();
    const round = async (offset: number): Promise<void> => {
      await tx.offsets(topic, member, at(offset));
      await tx.end('commit');
    };
    await round(1); // what is made once is made
    const rows = async (): Promise<number[]> => [
      (await broker.state(topic, 0)).meter.rows_written,
      (await tx.state()).meter.rows_written,
    ];
    const [ofPartition, ofCoordinator] = await rows();
    await round(2);
    const [partition, coordinator] = await rows();
    expect(partition! - ofPartition!).toBe(2);
    expect(coordinator! - ofCoordinator!, 'added, decided').toBeLessThanOrEqual(3);
  });

  it('keep the next member waiting until the transaction has ended', async () => {
    const scene = await start();
    const { tx, topic, group, member, at } = scene;
    await tx.offsets(topic, member, at(6));
    await group.leave(member);
    const next = await group.joined({ topics: [topic] });
    expect((await group.poll(next)).body.records).toEqual([]);
    const polled = group.poll(next, 'wait_ms=30000');
    while ((await broker.state(topic, 0)).waiting === 0);
    // Added in time, and part of the transaction since: its results count, so what they were made of is handled.
    await tx.end('commit');
    expect((await polled).body.records.map(({ value }) => value)).toEqual([6, 7, 8, 9]);
  });

  it('let the next member begin anew when the transaction is aborted', async () => {
    const { tx, topic, group, member, at } = await start();
    await tx.offsets(topic, member, at(6));
    await group.leave(member);
    const next = await group.joined({ topics: [topic] });
    const polled = group.poll(next, 'wait_ms=30000');
    while ((await broker.state(topic, 0)).waiting === 0);
    await tx.end('abort');
    expect((await polled).body.records.length).toBe(10);
  });

  it('are freed by the timeout of a producer that never comes again', async () => {
    const { topic, group, member, at } = await start();
    const tx = await TransactionClient.begin(() => broker, undefined, { transaction_timeout_ms: 1_000 });
    await tx.offsets(topic, member, at(6));
    await group.leave(member);
    const next = await group.joined({ topics: [topic] });
    expect((await group.poll(next, 'wait_ms=20000')).body.records.length).toBe(10);
  });

  it('let the member itself read on from its own position meanwhile', async () => {
    const { tx, topic, group, member, at } = await start();
    await tx.offsets(topic, member, at(6));
    const read = await group.read(member, { positions: at(6) });
    expect(read.body.records.map(({ value }) => value)).toEqual([6, 7, 8, 9]);
    expect((await group.poll(member)).body.records, 'where it polls is not decided').toEqual([]);
    await tx.end('commit');
  });
});

describe('who may not', () => {
  it('is a member that was fenced: nothing changes, and the transaction can still be aborted', async () => {
    const scene = await start();
    const { tx, topic, output, group, member, at } = scene;
    await tx.send(output, 0, 'result');
    await group.leave(member);
    const next = await group.joined({ topics: [topic] });
    await group.poll(next);
    expect((await tx.offsets(topic, member, at(6))).body).toMatchObject({ code: 'member_not_found' });
    expect(await isPending(scene)).toBe(false);
    await tx.end('abort');
    expect((await group.commit(next, at(3))).status).toBe(200);
    expect(await offsetOf(scene)).toBe(3);
  });

  it('is an instance of the producer that was fenced', async () => {
    const scene = await start();
    const { tx, topic, member, at } = scene;
    const young = await TransactionClient.begin(() => broker, tx.name);
    expect((await tx.offsets(topic, member, at(6))).body.code).toBe('producer_fenced');
    expect(await isPending(scene)).toBe(false);
    expect((await young.offsets(topic, member, at(7))).status).toBe(200);
    await young.end('commit');
    expect(await offsetOf(scene)).toBe(7);
  });

  it('is anybody else while the transaction is open', async () => {
    const scene = await start();
    const { tx, topic, group, member, at } = scene;
    await tx.offsets(topic, member, at(6));
    const other = await TransactionClient.begin(() => broker);
    const refused = await other.offsets(topic, member, at(2));
    expect([refused.status, refused.body.code]).toEqual([503, 'offsets_pending']);
    expect((await group.commit(member, at(2))).body.code).toBe('offsets_pending');
    await group.leave(member);
    expect((await group.reset({ topic, to: 'earliest' })).body.code).toBe('offsets_pending');
    await tx.end('commit');
    await other.end('abort');
    expect(await offsetOf(scene)).toBe(6);
    expect((await group.reset({ topic, to: 'earliest' })).status).toBe(200);
  });

  it('may be anybody else who says so, and the latest request wins', async () => {
    const scene = await start();
    const { tx, topic, group, member, at } = scene;
    await tx.offsets(topic, member, at(6));
    const other = await TransactionClient.begin(() => broker);
    const { member_id, epoch } = member;
    const commit = { member_id, epoch, offsets: [{ ...at(2)[0], leader_epoch: 7 }], allow_pending: true };
    const path = `/v1/default/transactions/${other.name}/offsets`;
    const added = await broker.call('POST', path, { producer: other.producer, group: topic, ...commit });
    expect(added.status).toBe(200);
    await other.end('commit');
    expect((await group.offsets())[0]).toMatchObject({ offset: 2, leader_epoch: 7, pending: true });
    await tx.end('commit');
    expect([await offsetOf(scene), await isPending(scene)]).toEqual([2, false]);
    expect(
      (await broker.call('POST', `/v1/default/groups/${topic}/offsets`, { ...commit, offsets: at(3) }))
        .status,
    ).toBe(200);
    expect((await group.offsets())[0]).not.toHaveProperty('leader_epoch');
  });

  it('is not an operator, when it has been pending for longer than a transaction may be open', async () => {
    const scene = await start();
    const { tx, topic, group, member, at } = scene;
    await tx.offsets(topic, member, at(6));
    await group.leave(member);
    expect((await group.reset({ topic, to: 2 })).body.code).toBe('offsets_pending');
    await broker.advance(900_001);
    expect((await group.reset({ topic, to: 2 })).status).toBe(200);
    await tx.end('abort');
    expect([await offsetOf(scene), await isPending(scene)]).toEqual([2, false]);
  });

  it('is a group that was deleted: the marker changes nothing', async () => {
    const { tx, topic, group, member, at } = await start();
    await tx.offsets(topic, member, at(6));
    await group.leave(member);
    expect((await group.delete()).status).toBe(200);
    expect((await tx.end('commit')).status).toBe(200);
    const again = await group.joined({ topics: [topic] });
    expect((await group.poll(again)).body.records.length).toBe(10);
  });

  it.each([
    [
      'a topic that is not there',
      { offsets: [{ topic: 'nowhere', partition: 0, offset: 0 }] },
      'topic_not_found',
    ],
    ['a partition that is not there', { partition: 7 }, 'partition_not_found'],
    ['an offset that does not exist yet', { offset: 11 }, 'offset_past_end'],
    ['no offsets', { offsets: [] }, 'invalid_field'],
    ['an unknown field', { more: 1 }, 'unknown_field'],
  ])('names %s', async (_, { offsets, ...fields }: Record<string, unknown>, code) => {
    const scene = await start();
    const { tx, topic, member, at } = scene;
    const { more, ...place } = fields;
    const reply = await broker.call<{ code: string }>('POST', `/v1/default/transactions/${tx.name}/offsets`, {
      producer: tx.producer,
      group: topic,
      member_id: member.member_id,
      epoch: member.epoch,
      offsets: offsets ?? [{ ...at(1)[0], ...place }],
      ...(more !== undefined && { more }),
    });
    expect(reply.body.code).toBe(code);
    expect(await isPending(scene)).toBe(false);
  });
});
