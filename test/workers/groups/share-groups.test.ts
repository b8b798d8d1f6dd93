/** Share groups over HTTP: members that share one partition, what is refused, and that nothing is lost by sleep or restart. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type {
  AcknowledgedReply,
  AcquiredRecord,
  SharePartition,
} from '../../../protocol/schemas/share-groups.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
});
afterAll(() => broker.stop());

class Share {
  readonly path: string;

  constructor(name: string) {
    this.path = `/v1/default/share-groups/${name}`;
  }

  put(fields: object): Promise<Reply<ProblemDocument>> {
    return broker.call('PUT', this.path, fields);
  }

  async take(member: string, fields: object = {}): Promise<AcquiredRecord[]> {
    const request = { member_id: member, ...fields };
    const path = `${this.path}/records`;
    const { status, body } = await broker.call<{ records: AcquiredRecord[] }>('POST', path, request);
    expect([status, body]).toMatchObject([200, {}]);
    return body.records;
  }

  async settle(fields: object): Promise<string[]> {
    const { status, body } = await broker.call<AcknowledgedReply>(
      'POST',
      `${this.path}/acknowledgements`,
      fields,
    );
    expect([status, body]).toMatchObject([200, {}]);
    return body.results.map(({ outcome }) => outcome);
  }

  async partitions(): Promise<SharePartition[]> {
    return (await broker.call<{ partitions: SharePartition[] }>('GET', this.path)).body.partitions;
  }
}

const offsets = (records: readonly AcquiredRecord[]): number[] => records.map(({ offset }) => offset);
const tags = (records: readonly AcquiredRecord[]): string[] =>
  records.map(({ acquisition_tag }) => acquisition_tag);

const topicIds = new Map<string, number>();

/** Takes the only partition of a topic of `start` out of memory. */
async function evict(topic: string): Promise<void> {
  await broker.evictObject('Partition', `default/${topic}/0#${topicIds.get(topic)}`);
}

/** A topic and a share group of one name. */
async function start(name: string, count: number, config: object = {}, topic: object = {}): Promise<Share> {
  topicIds.set(name, (await broker.declare(name, topic)).body.topology_version);
  if (count > 0)
    await broker.produce(
      name,
      Array.from({ length: count }, (_, nth) => ({ value: nth, partition: 0 })),
    );
  const share = new Share(name);
  expect((await share.put({ topics: [name], ...config })).status).toBe(201);
  return share;
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline;) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it did not come so in time');
}

describe('members of a share group', () => {
  it('share one partition, record by record', async () => {
    const share = await start('both', 10);
    const a = await share.take('a', { max_records: 4 });
    const b = await share.take('b', { max_records: 4 });
    expect([offsets(a), offsets(b)]).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(a[0]).toMatchObject({ topic: 'both', partition: 0, value: 0, delivery_count: 1 });
    expect(await share.settle({ accept: tags(b), member_id: 'a' }), 'not those of others').toEqual(
      Array.from({ length: 4 }, () => 'not_yours'),
    );
    expect(await share.settle({ accept: [...tags(b), tags(a)[1]!] })).toEqual(
      Array.from({ length: 5 }, () => 'accepted'),
    );
    expect(await share.partitions()).toEqual([
      {
        topic: 'both',
        partition: 0,
        start_offset: 0,
        end_offset: 8,
        in_flight: 3,
        available: 0,
        archived: 0,
        lag: 5,
        dead_letters_waiting: 0,
      },
    ]);
    expect(
      await share.settle({
        accept: [tags(a)[0]!, tags(a)[1]!],
        release: [tags(a)[2]!],
        reject: [tags(a)[3]!],
      }),
    ).toEqual(['accepted', 'already_done', 'released', 'archived']);
    expect(await share.partitions()).toMatchObject([
      { start_offset: 2, available: 1, in_flight: 0, archived: 1, lag: 3 },
    ]);
    const again = await share.take('b');
    expect(again.map(({ offset, delivery_count }) => [offset, delivery_count])).toEqual([
      [2, 2],
      [8, 1],
      [9, 1],
    ]);
    expect(await share.settle({ accept: [tags(a)[2]!] }), 'an old tag of it').toEqual(['lock_expired']);
    expect(await share.settle({ accept: tags(again) })).toEqual(['accepted', 'accepted', 'accepted']);
    expect(await share.partitions()).toMatchObject([{ start_offset: 10, lag: 0 }]);
  });

  it('cost one row to acquire and one to acknowledge, however many records, and none to ask in vain', async () => {
    const share = await start('rows', 1_000, {}, { retention_ms: null });
    const rows = async (): Promise<number> => (await broker.state('rows', 0)).meter.rows_written;
    await share.settle({ accept: tags(await share.take('a', { max_records: 10 })) });
    const before = await rows();
    const taken = await share.take('a', { max_records: 100 });
    expect(await rows()).toBe(before + 1);
    await share.settle({ accept: tags(taken) });
    expect(await rows()).toBe(before + 2);
    await share.settle({ accept: tags(await share.take('a', { max_records: 2_000 })) });
    const end = await rows();
    expect(await share.take('a')).toEqual([]);
    await share.settle({ accept: tags(taken) });
    await share.partitions();
    expect(await rows()).toBe(end);
  });

  it('get what another did not finish in time, unless it asked for longer', async () => {
    const share = await start('locks', 3, { lock_duration_ms: 20_000 });
    const [first, second] = await share.take('a', { max_records: 2 });
    expect(
      await share.settle({ extend: [{ tag: first!.acquisition_tag, lock_duration_ms: 60_000 }] }),
    ).toEqual(['extended']);
    await broker.advance(25_000);
    const b = await share.take('b');
    expect(b.map(({ offset, delivery_count }) => [offset, delivery_count])).toEqual([
      [1, 2],
      [2, 1],
    ]);
    expect(await share.settle({ accept: [first!.acquisition_tag, second!.acquisition_tag] })).toEqual([
      'accepted',
      'lock_expired',
    ]);
  });

  it('wait for records that are produced, and for those that are released', async () => {
    const share = await start('waits', 0);
    const waiting = share.take('a', { wait_ms: 20_000 });
    await until(async () => (await broker.state('waits', 0)).waiting > 0);
    await broker.produce('waits', [{ value: 'new' }]);
    const [record] = await waiting;
    expect(record).toMatchObject({ offset: 0, value: 'new' });
    const other = share.take('b', { wait_ms: 20_000 });
    await until(async () => (await broker.state('waits', 0)).waiting > 0);
    await share.settle({ release: [record!.acquisition_tag] });
    expect(await other).toMatchObject([{ offset: 0, delivery_count: 2 }]);
    expect(await share.take('c', { wait_ms: 100 })).toEqual([]);
  });

  it('take from all partitions of all topics, never more than they ask for', async () => {
    await broker.declare('many-a', { partitions: 3 });
    await broker.declare('many-b', { partitions: 2 });
    for (const [topic, partitions] of [
      ['many-a', 3],
      ['many-b', 2],
    ] as const)
      for (let partition = 0; partition < partitions; partition++)
        await broker.produce(
          topic,
          Array.from({ length: 20 }, (_, value) => ({ value, partition })),
        );
    const share = new Share('many');
    await share.put({ topics: ['many-a', 'many-b'] });
    const seen = new Set<string>();
    for (const max of [1, 3, 7, 50]) {
      const records = await share.take('a', { max_records: max });
      expect(records.length).toBeGreaterThan(0);
      expect(records.length).toBeLessThanOrEqual(max);
      for (const { topic, partition, offset } of records) seen.add(`${topic}/${partition}/${offset}`);
      expect(await share.settle({ accept: tags(records) })).toEqual(records.map(() => 'accepted'));
    }
    for (;;) {
      const records = await share.take('a');
      if (records.length === 0) break;
      for (const { topic, partition, offset } of records) seen.add(`${topic}/${partition}/${offset}`);
      await share.settle({ accept: tags(records) });
    }
    expect(seen.size).toBe(100);
  });
});

describe('a share group', () => {
  it('keeps what it knows when its partition sleeps and when the broker starts again', async () => {
    const share = await start('sleeps', 6);
    const [a, b] = await share.take('a', { max_records: 2, lock_duration_ms: 600_000 });
    await share.settle({ accept: [b!.acquisition_tag] });
    await evict('sleeps');
    expect(await share.partitions()).toMatchObject([{ start_offset: 0, in_flight: 1, lag: 5 }]);
    expect(offsets(await share.take('b', { max_records: 2 }))).toEqual([2, 3]);
    await broker.restart();
    expect(offsets(await share.take('b'))).toEqual([4, 5]);
    expect(await share.settle({ accept: [a!.acquisition_tag, b!.acquisition_tag] })).toEqual([
      'accepted',
      'already_done',
    ]);
    expect(await share.partitions()).toMatchObject([{ start_offset: 2 }]);
  });

  it('archives what is rejected or delivered too often, and a queue gets each once', async () => {
    await broker.call('PUT', '/v1/default/queues/graves');
    const share = await start('deadly', 3, { delivery_limit: 2, dead_letter: { queue: 'graves' } });
    const first = await share.take('a');
    expect(await share.settle({ reject: [tags(first)[0]!], release: tags(first).slice(1) })).toEqual([
      'released',
      'released',
      'archived',
    ]);
    const second = await share.take('a');
    expect(await share.settle({ release: [tags(second)[0]!] })).toEqual(['archived']);
    await broker.advance(40_000); // and the lock of the last one ends
    expect(await share.take('a')).toEqual([]);
    expect(await share.partitions()).toMatchObject([{ start_offset: 3, archived: 3, lag: 0 }]);
    await until(async () => (await share.partitions())[0]!.dead_letters_waiting === 0);
    type Dead = { original_message: { body: number; headers: Record<string, string> }; metadata: object };
    const { body } = await broker.call<{ dead_letters: Dead[] }>(
      'GET',
      '/v1/default/queues/graves/dead-letters',
    );
    expect(body.dead_letters.map((dead) => [dead.original_message.body, dead.metadata])).toMatchObject([
      [0, { reason: 'rejected', original_queue: 'deadly' }],
      [1, { reason: 'delivery_limit' }],
      [2, { reason: 'delivery_limit' }],
    ]);
    expect(body.dead_letters[2]!.original_message.headers).toEqual({
      'dead-letter-topic': 'deadly',
      'dead-letter-partition': '0',
      'dead-letter-offset': '2',
    });
  });

  it('sends dead letters again where their queue did not answer, which stores them once', async () => {
    await broker.call('PUT', '/v1/default/queues/lost-replies');
    const share = await start('again', 2, { dead_letter: { queue: 'lost-replies' } });
    await fetch(`${broker.url}/test/failing?queue=lost-replies&mode=after`);
    const records = await share.take('a');
    await share.settle({ reject: [tags(records)[0]!] });
    await until(async () => (await queueReady('lost-replies')) === 1);
    await broker.restart();
    await share.settle({ reject: [tags(records)[1]!] });
    await until(async () => (await share.partitions())[0]!.dead_letters_waiting === 0);
    expect(await queueReady('lost-replies')).toBe(2);
  });

  it('sends dead letters to a topic', async () => {
    await broker.declare('grave-topic', { partitions: 2 });
    const share = await start('to-topic', 0, { dead_letter: { topic: 'grave-topic' } });
    await broker.produce('to-topic', [
      { key: 'k', value: { n: 1 }, headers: { own: 'kept', ':deaths': '{' } },
    ]);
    await share.settle({ reject: tags(await share.take('a')) });
    await until(async () => (await share.partitions())[0]!.dead_letters_waiting === 0);
    const found = (
      await Promise.all([0, 1].map((partition) => broker.fetch('grave-topic', partition)))
    ).flatMap(({ body }) => body.records);
    expect(found).toMatchObject([{ key: 'k', value: { n: 1 }, headers: { own: 'kept' } }]);
  });

  it('begins where it is told to, and anew after it was deleted', async () => {
    const share = await start('begins', 3, { start: 'latest' });
    expect(await share.take('a')).toEqual([]);
    await broker.produce('begins', [{ value: 3 }]);
    const late = await share.take('a');
    expect(offsets(late)).toEqual([3]);
    expect((await broker.call('DELETE', share.path)).status).toBe(200);
    expect((await broker.call('GET', share.path)).status).toBe(404);
    expect((await share.put({ topics: ['begins'] })).status).toBe(201);
    expect(await share.settle({ accept: tags(late) }), 'a tag of the old one').toEqual(['unknown_tag']);
    expect(offsets(await share.take('a'))).toEqual([0, 1, 2, 3]);
  });

  it('counts what was deleted from the log as done', async () => {
    const share = await start('removed', 6);
    const taken = await share.take('a', { max_records: 3 });
    await broker.call('DELETE', '/v1/default/topics/removed/partitions/0/records?before=2');
    expect(await share.settle({ accept: tags(taken) })).toEqual(['already_done', 'already_done', 'accepted']);
    await broker.call('DELETE', '/v1/default/topics/removed/partitions/0/records?before=5');
    expect(offsets(await share.take('a'))).toEqual([5]);
  });

  it('takes changed settings at once', async () => {
    const share = await start('changes', 2, { delivery_limit: 5 });
    const [record] = await share.take('a', { max_records: 1 });
    expect((await share.put({ topics: ['changes'], delivery_limit: 1 })).status).toBe(200);
    expect(await share.settle({ release: [record!.acquisition_tag] })).toEqual(['archived']);
    expect(offsets(await share.take('a'))).toEqual([1]);
    const { body } = await broker.call<{ share_groups: object[] }>('GET', '/v1/default/share-groups');
    const defaults = { lock_duration_ms: 30_000, dead_letter: { queue: 'changes.dlq' }, start: 'earliest' };
    const changed = { share_group: 'changes', topics: ['changes'], delivery_limit: 1 };
    expect(body.share_groups).toContainEqual({ ...defaults, ...changed });
  });
});

describe('bad input', () => {
  it('is refused with a precise code and changes nothing', async () => {
    const share = await start('strict', 3);
    const refused = async (method: string, path: string, body?: unknown): Promise<unknown[]> => {
      const reply = await broker.call(method, path, body);
      return [reply.status, reply.body.code];
    };
    const [record] = await share.take('a', { max_records: 1 });
    const before = await share.partitions();
    const base = '/v1/default/share-groups';
    const none = `${base}/nobody`;
    const topics = ['strict'];
    for (const [expected, method, path, body] of [
      [[404, 'share_group_not_found'], 'GET', none],
      [[404, 'share_group_not_found'], 'DELETE', none],
      [[404, 'share_group_not_found'], 'POST', `${none}/records`, { member_id: 'a' }],
      [[404, 'share_group_not_found'], 'POST', `${none}/acknowledgements`, { accept: ['x'] }],
      [[400, 'invalid_name'], 'PUT', `${base}/a%20b`, { topics }],
      [[404, 'topic_not_found'], 'PUT', share.path, { topics: ['no-such-topic'] }],
      [[400, 'invalid_field'], 'PUT', share.path, { topics: ['strict', 'strict'] }],
      [[400, 'invalid_field'], 'PUT', share.path, { topics, lock_duration_ms: 1 }],
      [[400, 'invalid_field'], 'PUT', share.path, { topics, delivery_limit: 0 }],
      [[400, 'invalid_field'], 'PUT', share.path, { topics, dead_letter: { topic: 'strict' } }],
      [[404, 'queue_not_found'], 'PUT', share.path, { topics, dead_letter: { queue: 'no-such-queue' } }],
      [[404, 'topic_not_found'], 'PUT', share.path, { topics, dead_letter: { topic: 'no-such-topic' } }],
      [[400, 'unknown_field'], 'PUT', share.path, { topics, colour: 'red' }],
      [[400, 'invalid_field'], 'POST', `${share.path}/records`, {}],
      [[400, 'invalid_field'], 'POST', `${share.path}/records`, { member_id: 'a', max_records: 2_001 }],
      [[400, 'invalid_field'], 'POST', `${share.path}/acknowledgements`, {}],
      [[400, 'unknown_field'], 'POST', `${share.path}/acknowledgements`, { ack: ['x'] }],
      [[405, 'method_not_allowed'], 'GET', `${share.path}/records`],
      [
        [413, 'too_many_tags'],
        'POST',
        `${share.path}/acknowledgements`,
        {
          accept: Array.from({ length: 9_000 }, () => 'x'),
          release: Array.from({ length: 9_000 }, () => 'y'),
        },
      ],
    ] as const)
      expect([path, body, await refused(method, path, body)]).toEqual([path, body, expected]);
    const parts = record!.acquisition_tag.split('-');
    const changed = (at: number, to: string): string =>
      parts.map((part, i) => (i === at ? to : part)).join('-');
    expect(
      await share.settle({
        accept: [
          '',
          'x',
          'not a tag',
          changed(0, 'zz'),
          changed(1, 'zz'),
          changed(2, '7'),
          changed(3, '9'),
        ].slice(1),
        release: [changed(4, '2')],
      }),
    ).toEqual(Array.from({ length: 7 }, () => 'unknown_tag'));
    expect(await share.partitions()).toEqual(before);
    expect(await share.settle({ accept: [record!.acquisition_tag] })).toEqual(['accepted']);
  });
});

async function queueReady(queue: string): Promise<number> {
  const { body } = await broker.call<{ state: { ready: number } }>('GET', `/v1/default/queues/${queue}`);
  return body.state.ready;
}
