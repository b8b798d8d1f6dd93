/** The consumer of a group: what it is given, and how it stops. */

import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { GroupRecord } from '../../../sdk/index.ts';
import { toWire } from '../../../sdk/client/wire.ts';
import { groupTests, isInOrder, Notes, untilHandled } from './groups-harness.ts';
import { errorOf, numbers, until } from '../harness.ts';

const tests = groupTests();

describe('a consumer of a group', () => {
  it('handles every record of its topics once, in order, commits, and leaves', async () => {
    const topic = await tests.topic(4, 50);
    const { consumer, notes } = tests.consumer({ group: 'one', topics: [topic] });
    await until(() => notes.records.length === 200);
    await consumer.stop();
    expect(new Set(notes.values).size).toBe(200);
    expect(isInOrder(notes.records)).toBe(true);
    expect(notes.assigned.toSorted()).toEqual([0, 1, 2, 3]);
    expect(notes.revoked.toSorted()).toEqual([0, 1, 2, 3]);
    expect([notes.lost, notes.errors]).toEqual([[], []]);
    const { state, members, offsets } = await tests.client().groups.describe('one');
    expect({ state, members }).toEqual({ state: 'empty', members: [] });
    expect(offsets).toMatchObject(numbers(4).map((partition) => ({ topic, partition, offset: 50, lag: 0 })));
  });

  it('hands over batches of one partition, as large as was asked for', async () => {
    const topic = await tests.topic(2, 25);
    const batches: { partition: number; count: number; position: number }[] = [];
    const { consumer } = tests.consumer({
      group: 'batches',
      topics: [topic],
      maxBatchRecords: 10,
      eachBatch: ({ partition, records, position }) => {
        batches.push({ partition, count: records.length, position: position.offset });
      },
    });
    await untilHandled(tests.client(), 'batches');
    await consumer.stop();
    const ofZero = batches.filter(({ partition }) => partition === 0);
    expect(ofZero.reduce((sum, { count }) => sum + count, 0)).toBe(25);
    expect(Math.max(...batches.map(({ count }) => count))).toBeLessThanOrEqual(10);
    expect(ofZero.at(-1)!.position).toBe(25);
  });

  it('reads topics by a pattern, also those made later', async () => {
    const posthorn = tests.client();
    await posthorn.topics.declare('metrics.cpu');
    const { consumer, notes } = tests.consumer({ group: 'pattern', topicPattern: 'metrics.*' });
    await until(() => notes.assigned.length === 1);
    await posthorn.topics.declare('metrics.disk');
    await tests.fill('metrics.disk', 1, 2);
    await until(() => notes.records.length === 2);
    expect(notes.records.map(({ topic }) => topic)).toEqual(['metrics.disk', 'metrics.disk']);
    expect(consumer.assignment).toHaveLength(2);
    await consumer.stop();
  });

  it('works on several partitions at once, on each with one handler at a time', async () => {
    const topic = await tests.topic(3, 5);
    const atWork = new Map<number, number>();
    let most = 0;
    let mostOfOne = 0;
    const notes = new Notes();
    const { consumer } = tests.consumer({
      group: 'parallel',
      topics: [topic],
      concurrency: 2,
      eachRecord: async (record) => {
        atWork.set(record.partition, (atWork.get(record.partition) ?? 0) + 1);
        const counts = [...atWork.values()];
        most = Math.max(
          most,
          counts.reduce((sum, count) => sum + count, 0),
        );
        mostOfOne = Math.max(mostOfOne, ...counts);
        await delay(2);
        atWork.set(record.partition, atWork.get(record.partition)! - 1);
        notes.see(record);
      },
    });
    await until(() => notes.records.length === 15);
    await consumer.stop();
    expect([most, mostOfOne]).toEqual([2, 1]);
    expect(isInOrder(notes.records)).toBe(true);
  });

  it('works on several keys of a partition at once, and commits the lowest that is not handled', async () => {
    const topic = await tests.topic(1, 30);
    const notes = new Notes();
    const first = Promise.withResolvers<void>();
    const posthorn = tests.client();
    const { consumer } = tests.consumer({
      group: 'keys',
      topics: [topic],
      orderBy: 'key',
      commit: 'manual',
      eachRecord: async (record) => {
        if (record.offset === 3) await first.promise; // of key k0
        notes.see(record);
      },
    });
    await until(() => notes.records.length === 21);
    expect(notes.records.filter(({ key }) => key === 'k0').map(({ offset }) => offset)).toEqual([0]);
    await consumer.commit();
    expect(await posthorn.groups.offsets('keys')).toMatchObject([{ offset: 3, lag: 27 }]);
    first.resolve();
    await until(() => notes.records.length === 30);
    await consumer.commit();
    expect(isInOrder(notes.records)).toBe(true);
    expect(await posthorn.groups.offsets('keys')).toMatchObject([{ offset: 30, lag: 0 }]);
    await consumer.stop();
  });

  it('sees nothing of an aborted transaction where it asks for committed records', async () => {
    const topic = await tests.topic(1);
    const posthorn = tests.client();
    await using producer = posthorn.transactionalProducer({ transactionalId: 'group-isolation' });
    await producer.begin();
    void producer.send(topic, { value: 'aborted' });
    await producer.abort();
    await producer.run((transaction) => void transaction.send(topic, { value: 'committed' }));
    const { consumer, notes } = tests.consumer({
      group: 'isolation',
      topics: [topic],
      isolation: 'read_committed',
    });
    await untilHandled(posthorn, 'isolation');
    expect(notes.values).toEqual(['committed']);
    await consumer.stop();
  });

  it('names the owner of what it hands out, whose commits are taken', async () => {
    const topic = await tests.topic(1, 3);
    let record: GroupRecord | undefined;
    const { consumer } = tests.consumer({
      group: 'owner',
      topics: [topic],
      commit: 'manual',
      eachRecord: (given) => void (record ??= given),
    });
    await until(() => record !== undefined);
    const owner = consumer.owner(topic, 0);
    expect(owner).toEqual(record!.owner);
    expect(owner).toMatchObject({ group: 'owner', memberId: consumer.memberId });
    const { status } = await tests.broker.call('POST', '/v1/default/groups/owner/offsets', {
      member_id: owner.memberId,
      epoch: owner.epoch,
      offsets: [toWire(record!.position)],
    });
    expect(status).toBe(200);
    expect(await tests.client().groups.offsets('owner')).toMatchObject([{ offset: 1 }]);
    await consumer.stop();
    expect(() => consumer.owner(topic, 0)).toThrow('not assigned');
  });
});

it('goes on through failures that pass, and tells of them', async () => {
  const topic = await tests.topic(3, 40);
  let requests = 0;
  const posthorn = tests.client({
    fetch: async (url, init) => {
      requests++;
      if (requests % 3 === 1) {
        const problem = { code: 'group_unavailable', retryable: true, detail: 'try again' };
        return new Response(JSON.stringify(problem), { status: 503 });
      }
      const response = await fetch(url.replace('http://broker', tests.broker.url), init);
      if (requests % 7 === 0 && !url.endsWith('/members')) throw new TypeError('connection reset');
      return response;
    },
  });
  const options = { group: 'bumpy', topics: [topic], fetchBytes: 100, maxBatchRecords: 10 };
  const { consumer, notes } = tests.consumer(options, new Notes(), posthorn);
  await untilHandled(tests.client(), 'bumpy');
  await consumer.stop();
  expect(new Set(notes.values).size).toBe(120);
  expect(isInOrder(notes.records)).toBe(true);
  expect(notes.lost).toEqual([]);
  expect(notes.errors).toContainEqual(
    expect.objectContaining({ code: 'group_unavailable', retryable: true }),
  );
});

describe('stopping', () => {
  it('waits for the handler at work, commits what it did, and begins no other', async () => {
    const topic = await tests.topic(1, 5);
    const work = Promise.withResolvers<void>();
    const notes = new Notes();
    const { consumer } = tests.consumer({
      group: 'stop',
      topics: [topic],
      eachRecord: async (record) => {
        notes.see(record);
        await work.promise;
      },
    });
    await until(() => notes.records.length === 1);
    const stopped = consumer.stop();
    await delay(20);
    expect((await tests.client().groups.describe('stop')).members).toHaveLength(1);
    work.resolve();
    await stopped;
    await consumer.done;
    expect(notes.values).toEqual(['0-0']);
    expect(await tests.client().groups.offsets('stop')).toMatchObject([{ offset: 1 }]);
  });

  it('by a signal is at once, and commits nothing', async () => {
    const topic = await tests.topic(1, 5);
    const controller = new AbortController();
    let signal: AbortSignal | undefined;
    const { consumer } = tests.consumer({
      group: 'abort',
      topics: [topic],
      signal: controller.signal,
      eachRecord: (_, context) => {
        signal = context.signal;
        return new Promise(() => {});
      },
    });
    await until(() => signal !== undefined);
    controller.abort(new Error('enough'));
    expect(await errorOf(consumer.done)).toMatchObject({ code: 'aborted', cause: new Error('enough') });
    expect(signal!.aborted).toBe(true);
    expect(await tests.client().groups.offsets('abort')).toMatchObject([{ offset: null }]);
    expect((await tests.client().groups.describe('abort')).members).toHaveLength(1);
  });

  it('before it has joined is possible', async () => {
    const topic = await tests.topic(1, 1);
    const { consumer, notes } = tests.consumer({ group: 'early', topics: [topic] });
    await consumer.stop();
    expect(notes.records).toEqual([]);
    expect((await tests.client().groups.describe('early')).members).toEqual([]);
  });
});

describe('what cannot be', () => {
  it('is refused early', () => {
    const posthorn = tests.client();
    const eachRecord = (): void => {};
    for (const [wrong, why] of [
      [{ group: 'g', eachRecord }, 'name topics'],
      [{ group: 'g', topics: ['t'] }, 'either eachRecord or eachBatch'],
      [{ group: 'g', topics: ['t'], eachRecord, eachBatch: eachRecord }, 'either eachRecord or eachBatch'],
      [{ group: 'a\u0000b', topics: ['t'], eachRecord }, 'group'],
      [{ group: 'g', topics: ['a/b'], eachRecord }, 'topic'],
      [{ group: 'g', topics: ['t'], eachRecord, sessionTimeoutMs: 10 }, 'sessionTimeoutMs'],
      [{ group: 'g', topics: ['t'], eachRecord, concurrency: 0 }, 'concurrency'],
      [
        { group: 'g', topics: ['t'], eachRecord, commit: 'sometimes' as never },
        'commit is interval or batch',
      ],
      [{ group: 'g', topics: ['t'], eachRecord, retry: { scheduleMs: [-1] } }, 'scheduleMs'],
      [{ group: 'g', topics: ['t'], eachBatch: eachRecord, orderBy: 'key' as const }, 'goes with eachRecord'],
      [{ group: 'g', topics: ['t'], eachRecord, deadLetter: {} as never }, 'deadLetter'],
    ] as const)
      expect(() => posthorn.consumer(wrong as never)).toThrow(why);
  });

  it('ends the consumer: a topic that is not there', async () => {
    const { consumer } = tests.consumer({ group: 'missing', topics: ['nowhere'] });
    expect(await errorOf(consumer.done)).toMatchObject({ code: 'topic_not_found' });
  });
});

describe('an operator', () => {
  it('lists, describes, resets and deletes groups, and removes members', async () => {
    const topic = await tests.topic(2, 10);
    const { groups } = tests.client();
    const { consumer, notes } = tests.consumer({ group: 'admin', topics: [topic], rack: 'weur' });
    await untilHandled(tests.client(), 'admin');
    expect(await groups.list()).toContain('admin');
    const { members, assignor } = await groups.describe('admin');
    expect(assignor).toBe('sticky-cooperative');
    expect(members).toMatchObject([
      { memberId: consumer.memberId, topics: [topic], rack: 'weur', sessionTimeoutMs: 6_000, revoking: [] },
    ]);
    const busy = await errorOf(groups.reset('admin', { topic, to: 'earliest' }));
    expect(busy.code).toBe('group_not_empty');
    expect((await errorOf(groups.delete('admin'))).code).toBe('group_not_empty');
    const { memberId } = consumer;
    await groups.removeMember('admin', memberId);
    await until(() => notes.lost.length === 2 && notes.assigned.length === 4);
    expect(consumer.memberId).not.toBe(memberId);
    await consumer.stop();
    expect(await groups.reset('admin', { topic, shiftBy: -3, dryRun: true })).toEqual(
      [0, 1].map((partition) => ({
        topic,
        topicId: expect.any(Number) as number,
        partition,
        from: 10,
        to: 7,
      })),
    );
    expect((await groups.offsets('admin', { topic })).map(({ offset }) => offset)).toEqual([10, 10]);
    await groups.reset('admin', { topic, partitions: [1], to: 'earliest' });
    expect((await groups.offsets('admin')).map(({ offset }) => offset)).toEqual([10, 0]);
    await groups.delete('admin');
    expect((await errorOf(groups.describe('admin'))).code).toBe('group_not_found');
  });
});
