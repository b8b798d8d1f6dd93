/** Members that come and go: nothing is lost, nobody is stopped who is not concerned, and who is gone commits nothing. */

import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { groupTests, isInOrder, Notes, untilHandled } from './groups-harness.ts';
import { errorOf, until } from '../harness.ts';

const tests = groupTests({ own: 'is restarted' });

describe('members that come and go', () => {
  it('share the partitions, two and three, and those who keep theirs go on meanwhile', async () => {
    const topic = await tests.topic(6, 10);
    // Nothing is committed but what is given up, or at the end.
    const way = { group: 'three', topics: [topic], commit: 'interval' as const, commitIntervalMs: 600_000 };
    const names = ['a', 'b', 'c'] as const;
    const [a, b, c] = names.map(() => new Notes());
    const first = tests.consumer(way, a);
    await until(() => a!.assigned.length === 6);
    const second = tests.consumer(way, b);
    await until(() => first.consumer.assignment.length === 3 && second.consumer.assignment.length === 3);
    expect([a!.revoked.length, b!.assigned.length, b!.revoked.length]).toEqual([3, 3, 0]);
    const third = tests.consumer(way, c);
    const all = [first, second, third];
    await until(() => all.every(({ consumer }) => consumer.assignment.length === 2));
    expect([a!.revoked.length, b!.revoked.length, c!.revoked.length]).toEqual([4, 1, 0]);
    await tests.fill(topic, 6, 10, 10);
    await until(() => a!.records.length + b!.records.length + c!.records.length >= 120);
    const kept = second.consumer.assignment.map(({ partition }) => partition);
    await first.consumer.stop();
    await until(() => second.consumer.assignment.length === 3 && third.consumer.assignment.length === 3);
    expect(b!.revoked).toHaveLength(1);
    expect(second.consumer.assignment.map(({ partition }) => partition)).toEqual(
      expect.arrayContaining(kept),
    );
    await tests.fill(topic, 6, 10, 20);
    await until(() => a!.records.length + b!.records.length + c!.records.length >= 180);
    await Promise.all([second.consumer.stop(), third.consumer.stop()]);
    await untilHandled(tests.client(), way.group);
    const seen = [a!, b!, c!].flatMap(({ values }) => values);
    expect(new Set(seen).size).toBe(180);
    expect(seen.length, 'everybody commits before giving up, so nothing comes twice').toBe(180);
    for (const notes of [a!, b!, c!]) {
      expect(isInOrder(notes.records)).toBe(true);
      expect(notes.lost).toEqual([]);
    }
  });

  it('give a partition up only when its handler has ended, and may commit in onRevoked', async () => {
    const topic = await tests.topic(2, 3);
    const group = 'handover';
    const gate = Promise.withResolvers<void>();
    const log: string[] = [];
    const { consumer } = tests.consumer({
      group,
      topics: [topic],
      commit: 'manual',
      eachRecord: async ({ partition, offset }) => {
        log.push(`begin ${partition}-${offset}`);
        await gate.promise;
        log.push(`end ${partition}-${offset}`);
      },
      onRevoked: async (places) => {
        log.push(`revoked ${places.map(({ partition }) => partition).join()}`);
        await consumer.commit();
      },
    });
    await until(() => log.length === 2);
    const other = tests.consumer({ group, topics: [topic] });
    await until(() => consumer.assignment.length === 1);
    await delay(100);
    expect(other.notes.assigned, 'it is still worked on').toEqual([]);
    gate.resolve();
    await until(() => other.notes.records.length === 2);
    const [given] = other.notes.assigned;
    expect(log.indexOf(`revoked ${given}`)).toBeGreaterThan(log.indexOf(`end ${given}-0`));
    expect(log, 'nothing begins of what is given up').not.toContain(`begin ${given}-1`);
    expect(
      other.notes.records.map(({ offset }) => offset),
      'after what was committed',
    ).toEqual([1, 2]);
    await Promise.all([consumer.stop(), other.consumer.stop()]);
  });

  it('are told what they lose when they were removed, cannot commit it, and join again', async () => {
    const topic = await tests.topic(2, 2);
    const group = 'removed';
    const signals: AbortSignal[] = [];
    const notes = new Notes();
    const gate = Promise.withResolvers<void>();
    const { consumer } = tests.consumer(
      {
        group,
        topics: [topic],
        eachRecord: async (record, { signal }) => {
          signals.push(signal);
          await gate.promise;
          notes.see(record);
        },
      },
      notes,
    );
    await until(() => signals.length === 2);
    const owner = consumer.owner(topic, 0);
    await tests.client().groups.removeMember(group, consumer.memberId);
    await until(() => notes.lost.length === 2);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(notes.revoked).toEqual([]);
    const { body } = await tests.broker.call('POST', `/v1/default/groups/${group}/offsets`, {
      member_id: owner.memberId,
      epoch: owner.epoch,
      offsets: [{ topic, partition: 0, offset: 1 }],
    });
    expect(body.code).toBe('member_not_found');
    await delay(50);
    expect(signals.length, 'the same process does not begin again before the old handlers end').toBe(2);
    gate.resolve();
    await untilHandled(tests.client(), group);
    expect(new Set(notes.values).size).toBe(4);
    await consumer.stop();
  });

  it('lose what they have where the broker is not heard of for a session, and get it back', async () => {
    const topic = await tests.topic(1, 1);
    let isCut = false;
    const posthorn = tests.client({
      fetch: (url, init) =>
        isCut
          ? Promise.reject(new TypeError('connection refused'))
          : fetch(url.replace('http://broker', tests.broker.url), init),
    });
    const { consumer, notes } = tests.consumer(
      { group: 'cut', topics: [topic], sessionTimeoutMs: 1_000 },
      new Notes(),
      posthorn,
    );
    await until(() => notes.records.length === 1);
    isCut = true;
    await until(() => notes.lost.length === 1);
    isCut = false;
    await tests.fill(topic, 1, 1, 1);
    await until(() => notes.records.length >= 2 && notes.values.includes('0-1'));
    await consumer.stop();
  });
});

describe('static members', () => {
  it('come back under their name to the same partitions, and nobody else notices', async () => {
    const topic = await tests.topic(4, 5);
    const group = 'static';
    const start = (instanceId: string): ReturnType<typeof tests.consumer> =>
      tests.consumer({ group, topics: [topic], instanceId, sessionTimeoutMs: 30_000 });
    const [a, b] = [start('a'), start('b')];
    await until(() => a.consumer.assignment.length === 2 && b.consumer.assignment.length === 2);
    const had = a.consumer.assignment;
    const told = [b.notes.assigned.length, b.notes.revoked.length];
    await a.consumer.stop();
    expect((await tests.client().groups.describe(group)).members).toHaveLength(2);
    const again = start('a');
    await until(() => again.consumer.assignment.length === 2);
    expect(again.consumer.assignment).toEqual(had);
    expect([b.notes.assigned.length, b.notes.revoked.length]).toEqual(told);
    await tests.fill(topic, 4, 5, 5);
    await untilHandled(tests.client(), group);
    await Promise.all([again.consumer.stop(), b.consumer.stop()]);
  });

  it('are fenced by another of their name, and end', async () => {
    const topic = await tests.topic(1, 1);
    const group = 'fenced';
    const old = tests.consumer({ group, topics: [topic], instanceId: 'only' });
    const ended = errorOf(old.consumer.done);
    await until(() => old.notes.records.length === 1);
    const young = tests.consumer({ group, topics: [topic], instanceId: 'only' });
    expect(await ended).toMatchObject({ code: 'instance_fenced' });
    expect(old.notes.lost).toEqual([0]);
    await tests.fill(topic, 1, 1, 1);
    await until(() => young.notes.values.includes('0-1'));
    await young.consumer.stop();
  });
});

it('goes on when the broker is restarted under it', async () => {
  const topic = await tests.topic(3, 10);
  const group = 'restart';
  const a = tests.consumer({ group, topics: [topic], sessionTimeoutMs: 20_000 });
  const b = tests.consumer({ group, topics: [topic], sessionTimeoutMs: 20_000 });
  await until(() => a.notes.records.length + b.notes.records.length >= 30);
  await tests.broker.restart();
  await tests.fill(topic, 3, 10, 10);
  await untilHandled(tests.client(), group);
  await Promise.all([a.consumer.stop(), b.consumer.stop()]);
  expect(new Set([...a.notes.values, ...b.notes.values]).size).toBe(60);
  expect(isInOrder(a.notes.records) && isInOrder(b.notes.records)).toBe(true);
  expect([...a.notes.lost, ...b.notes.lost]).toEqual([]);
});
