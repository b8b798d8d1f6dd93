/**
 * The levels by name if something is consumed over HTTP: each is a combination of switches, names and switches that
 * contradict each other are refused, and each keeps its promise if the consumer dies at the worst moment.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deliveries } from '../../../protocol/schemas/deliveries.ts';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { AcquiredRecord } from '../../../protocol/schemas/share-groups.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { GroupClient } from '../../support/clients/group-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
});
afterAll(() => broker.stop());

const queuePath = (queue: string): string => `/v1/default/queues/${queue}`;

async function queueOf(queue: string, count: number, fields: object = {}): Promise<void> {
  await broker.call('PUT', queuePath(queue), fields);
  const messages = Array.from({ length: count }, (_, body) => ({ body }));
  await broker.call('POST', `${queuePath(queue)}/messages`, { messages });
}

async function take(queue: string, fields: object): Promise<Deliveries['deliveries']> {
  const reply = await broker.call<Deliveries>('POST', `${queuePath(queue)}/deliveries`, fields);
  expect([reply.status, reply.body]).toMatchObject([200, {}]);
  return reply.body.deliveries;
}

const rowsOf = async (queue: string): Promise<number> =>
  (await broker.call<QueueWithStateReply>('GET', queuePath(queue))).body.state.meter.rows_written;

async function refusal(method: string, path: string, body?: object): Promise<string> {
  const reply = await broker.call<ProblemDocument>(method, `/v1/default/${path}`, body);
  expect([reply.status, reply.body.code]).toEqual([400, 'invalid_field']);
  return reply.body.detail;
}

async function topicOf(topic: string, count: number): Promise<void> {
  await broker.declare(topic);
  await broker.produce(
    topic,
    Array.from({ length: count }, (_, value) => ({ value })),
  );
}

/** A transaction that is left open: its record is not committed. */
async function leaveOpen(topic: string): Promise<void> {
  const transactional_id = `open-${topic}`;
  const made = await broker.call<{ id: number; epoch: number }>('POST', '/v1/default/producers', {
    transactional_id,
  });
  const producer = { ...made.body, sequence: 0, transactional_id };
  const reply = await broker.call('POST', `/v1/default/topics/${topic}/records`, {
    records: [{ value: 'open', partition: 0 }],
    producer,
  });
  expect(reply.status).toBe(200);
}

describe('a queue', () => {
  it('delivers at most once: what a consumer has taken never comes again, whatever becomes of the consumer', async () => {
    await queueOf('most', 3, { lease_ms: 1_000 });
    const [first] = await take('most', { max: 2, delivery: 'at-most-once' });
    expect(first).toMatchObject({ body: 0, lease_expires_at: null });
    // It dies here, before the work; and the broker is restarted.
    await broker.restart();
    expect(await take('most', { max: 10 })).toMatchObject([{ body: 2, delivery_count: 1 }]);
    const state = (await broker.call<QueueWithStateReply>('GET', queuePath('most'))).body.state;
    expect(state).toMatchObject({ ready: 0, leased: 1, parked: 0 });
  });

  it('delivers at least once, by name as by default: what was not settled comes again', async () => {
    await queueOf('least', 2, { lease_ms: 1_000, retry: { schedule_ms: [1] } });
    expect(await take('least', { max: 10, delivery: 'at-least-once' })).toHaveLength(2);
    await broker.restart();
    expect(await take('least', { max: 10, wait_ms: 20_000 })).toMatchObject([{ body: 0 }, { body: 1 }]);
  });

  it('does the same for the dead letters of another', async () => {
    await queueOf('parent', 1);
    const [message] = await take('parent', {});
    await broker.call('POST', `${queuePath('parent')}/settlements`, {
      reject: [{ tag: message!.delivery_tag }],
    });
    const dead = { max: 1, wait_ms: 5_000, delivery: 'at-most-once' };
    expect(await take('parent.dlq', dead)).toMatchObject([{ body: 0, lease_expires_at: null }]);
  });

  it('costs fewer rows at most once than with leases', async () => {
    const rows: Record<string, number[]> = {};
    for (const delivery of ['at-most-once', 'at-least-once']) {
      const queue = `cost-${delivery}`;
      await broker.call('PUT', queuePath(queue), {});
      rows[delivery] = [];
      for (let round = 0; round < 2; round++) {
        const before = await rowsOf(queue);
        await queueOf(queue, 100);
        for (let taken = 0; taken < 100; taken += 10) {
          const deliveries = await take(queue, { max: 10, delivery });
          if (delivery === 'at-most-once') continue;
          const ack = deliveries.map(({ delivery_tag }) => delivery_tag);
          await broker.call('POST', `${queuePath(queue)}/settlements`, { ack });
        }
        rows[delivery].push((await rowsOf(queue)) - before);
      }
    }
    expect(rows['at-most-once']).toEqual([11, 11]); // one to publish, one for each ten that are taken
    for (const each of rows['at-least-once']!) expect(each).toBeGreaterThanOrEqual(21);
  });

  it('refuses what contradicts a name, or what a queue cannot promise, and takes nothing', async () => {
    await queueOf('strict', 1);
    const path = 'queues/strict/deliveries';
    expect(await refusal('POST', path, { delivery: 'at-most-once', auto_ack: false })).toContain(
      '"at-most-once" is auto_ack true, not false',
    );
    expect(await refusal('POST', path, { delivery: 'at-least-once', auto_ack: true })).toContain(
      '"at-least-once" is auto_ack false, not true',
    );
    expect(await refusal('POST', path, { delivery: 'exactly-once' })).toContain('message id');
    expect(await refusal('POST', path, { delivery: 'twice' })).toContain('delivery');
    expect(await refusal('GET', 'queues/strict/stream?delivery=at-most-once')).toContain('/deliveries');
    expect(await refusal('GET', 'queues/strict/stream?delivery=exactly-once')).toContain('message id');
    const upgrade = await broker.call<ProblemDocument>(
      'GET',
      `${queuePath('strict')}/stream?delivery=at-least-once`,
    );
    expect(upgrade.body.code).toBe('upgrade_required');
    expect(await take('strict', { delivery: 'at-most-once', auto_ack: true })).toHaveLength(1);
  });
});

describe('a group', () => {
  const groupOf = (name: string): GroupClient => new GroupClient(() => broker, name);

  it('reads at most once: what left is committed, also where the member dies before its work', async () => {
    await topicOf('g-most', 4);
    const group = groupOf('g-most');
    const member = await group.joined({ topics: ['g-most'] });
    const { records } = (await group.poll(member, 'delivery=at-most-once&max_records=2')).body;
    expect(records).toMatchObject([{ value: 0 }, { value: 1 }]);
    await group.leave(member);
    const next = await group.joined({ topics: ['g-most'] });
    expect((await group.poll(next, 'delivery=at-most-once')).body.records).toMatchObject([
      { value: 2 },
      { value: 3 },
    ]);
  });

  it('gives no record to two reads of a member that overlap', async () => {
    await topicOf('g-overlap', 400);
    const group = groupOf('g-overlap');
    const member = await group.joined({ topics: ['g-overlap'] });
    const seen: unknown[] = [];
    for (let round = 0; seen.length < 400 && round < 200; round++) {
      const polls = await Promise.all(
        [7, 11, 13, 7].map((max) => group.poll(member, `delivery=at-most-once&max_records=${max}`)),
      );
      for (const { body } of polls) seen.push(...body.records.map(({ value }) => value));
    }
    expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 400 }, (_, i) => i));
  });

  it('reads at least once, by name as by default', async () => {
    await topicOf('g-least', 2);
    const group = groupOf('g-least');
    const member = await group.joined({ topics: ['g-least'] });
    expect((await group.poll(member, 'delivery=at-least-once')).body.records).toHaveLength(2);
    await group.leave(member);
    const next = await group.joined({ topics: ['g-least'] });
    expect((await group.poll(next, 'delivery=at-least-once&auto_commit=false')).body.records).toHaveLength(2);
  });

  it('reads exactly once as far as reading goes: what is committed, and without committing', async () => {
    await topicOf('g-exact', 2);
    await leaveOpen('g-exact');
    const group = groupOf('g-exact');
    const member = await group.joined({ topics: ['g-exact'] });
    expect((await group.poll(member, '')).body.records).toHaveLength(3);
    for (let poll = 0; poll < 2; poll++) {
      expect((await group.poll(member, 'delivery=exactly-once')).body.records).toHaveLength(2);
    }
    const path = `groups/g-exact/members/${member.member_id}/records`;
    const { epoch } = member;
    const positioned = await broker.call<{ records: unknown[] }>('POST', `/v1/default/${path}`, {
      epoch,
      delivery: 'exactly-once',
    });
    expect(positioned.body.records).toHaveLength(2);
  });

  it('refuses what contradicts a name', async () => {
    await topicOf('g-strict', 1);
    const group = groupOf('g-strict');
    const { member_id, epoch } = await group.joined({ topics: ['g-strict'] });
    const path = `groups/g-strict/members/${member_id}/records`;
    for (const [query, why] of [
      ['delivery=at-most-once&auto_commit=false', '"at-most-once" is auto_commit true, not false'],
      ['delivery=at-least-once&auto_commit=true', '"at-least-once" is auto_commit false, not true'],
      ['delivery=exactly-once&auto_commit=true', '"exactly-once" is auto_commit false, not true'],
      ['delivery=exactly-once&isolation=read_uncommitted', 'is isolation "read_committed"'],
      ['delivery=once', 'delivery'],
    ]) {
      expect(await refusal('GET', `${path}?${query}`)).toContain(why);
    }
    expect(await refusal('POST', path, { epoch, delivery: 'at-most-once' })).toContain('commits nothing');
    expect(
      await refusal('POST', path, { epoch, delivery: 'exactly-once', isolation: 'read_uncommitted' }),
    ).toContain('is isolation "read_committed"');
    expect(await group.offsets()).toMatchObject([{ offset: null }]);
  });
});

describe('a topic', () => {
  it('is read exactly once where only what is committed is read', async () => {
    await topicOf('t-exact', 2);
    await leaveOpen('t-exact');
    for (const [query, count] of [
      ['', 3],
      ['delivery=at-most-once', 3],
      ['delivery=at-least-once', 3],
      ['delivery=exactly-once', 2],
      ['delivery=exactly-once&isolation=read_committed', 2],
      ['delivery=at-least-once&isolation=read_committed', 2],
    ] as const) {
      expect((await broker.fetch('t-exact', 0, query)).body.records, query).toHaveLength(count);
    }
    expect(
      await refusal(
        'GET',
        'topics/t-exact/partitions/0/records?delivery=exactly-once&isolation=read_uncommitted',
      ),
    ).toContain('is isolation "read_committed"');
  });
});

describe('a share group', () => {
  const path = '/v1/default/share-groups';
  const acquire = async (group: string, fields: object): Promise<AcquiredRecord[]> => {
    const reply = await broker.call<{ records: AcquiredRecord[] }>('POST', `${path}/${group}/records`, {
      member_id: 'm',
      ...fields,
    });
    expect([reply.status, reply.body]).toMatchObject([200, {}]);
    return reply.body.records;
  };

  it('hands out at most once what it accepts in the same row, and at least once what it locks', async () => {
    await topicOf('shared-most', 4);
    await broker.call('PUT', `${path}/most`, { topics: ['shared-most'], lock_duration_ms: 1_000 });
    await acquire('most', { max_records: 1, delivery: 'at-least-once' });
    const before = (await broker.state('shared-most', 0)).meter.rows_written;
    const accepted = await acquire('most', { max_records: 2, delivery: 'at-most-once' });
    expect(accepted).toMatchObject([
      { value: 1, lock_expires_at: null },
      { value: 2, lock_expires_at: null },
    ]);
    expect((await broker.state('shared-most', 0)).meter.rows_written - before).toBe(1);
    const { body } = await broker.call<{ results: { outcome: string }[] }>(
      'POST',
      `${path}/most/acknowledgements`,
      { release: accepted.map(({ acquisition_tag }) => acquisition_tag) },
    );
    expect(body.results.map(({ outcome }) => outcome)).toEqual(['already_done', 'already_done']);
    await broker.restart();
    await broker.advance(2_000);
    expect(await acquire('most', {})).toMatchObject([
      { value: 0, delivery_count: 2 },
      { value: 3, delivery_count: 1 },
    ]);
  });

  it('does not pretend to be exactly once', async () => {
    await topicOf('shared-exact', 1);
    await broker.call('PUT', `${path}/exact`, { topics: ['shared-exact'] });
    const fields = { member_id: 'm', delivery: 'exactly-once' };
    expect(await refusal('POST', 'share-groups/exact/records', fields)).toContain('offset once');
    expect(await acquire('exact', {})).toHaveLength(1);
  });
});
