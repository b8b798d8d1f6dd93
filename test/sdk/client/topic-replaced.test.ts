/** A topic that is deleted and made again under consumers and readers of the SDK. */

import { describe, expect, it } from 'vitest';
import type { TopicReplaced } from '../../../sdk/index.ts';
import { groupTests, Notes } from '../groups/groups-harness.ts';
import { errorOf, until } from '../harness.ts';

const tests = groupTests();

async function rebirth(topic: string): Promise<number> {
  const { topics } = tests.client();
  await topics.delete(topic);
  return (await topics.declare(topic)).topicId;
}

async function send(topic: string, values: readonly string[]): Promise<void> {
  await using producer = tests.client().producer();
  await Promise.all(values.map((value) => producer.send(topic, { value })));
}

const lifeOf = (life: string, count: number): string[] =>
  Array.from({ length: count }, (_, nth) => `${life}-${nth}`);

describe('the consumer of a group', () => {
  it.each([
    ['has more records than the old one had', 8],
    ['ends where the old one ended', 5],
    ['is shorter', 2],
  ])('begins anew in a topic that is made again and %s, and says so', async (_, count) => {
    const topic = await tests.topic(1);
    await send(topic, lifeOf('old', 5));
    const replaced: TopicReplaced[] = [];
    const { consumer, notes } = tests.consumer({
      group: `reborn-${count}`,
      topics: [topic],
      waitMs: 2_000,
      commitIntervalMs: 20,
      onTopicReplaced: (event) => replaced.push(event),
    });
    await until(() => notes.records.length === 5);
    const previousTopicId = consumer.assignment[0]!.topicId;
    const topicId = await rebirth(topic);
    await send(topic, lifeOf('new', count));
    await until(() => notes.values.filter((value) => String(value).startsWith('new')).length === count);
    expect(notes.values).toEqual([...lifeOf('old', 5), ...lifeOf('new', count)]);
    expect(replaced).toEqual([{ topic, partition: 0, topicId, previousTopicId }]);
    expect(consumer.assignment).toEqual([{ topic, topicId, partition: 0 }]);
    await consumer.stop();
    expect(await tests.client().groups.offsets(`reborn-${count}`)).toMatchObject([
      { topicId, offset: count, lag: 0 },
    ]);
  });

  it('commits nothing of the old topic that a handler still works on', async () => {
    const topic = await tests.topic(1);
    await send(topic, lifeOf('old', 3));
    const notes = new Notes();
    const held = Promise.withResolvers<void>();
    const { consumer } = tests.consumer(
      {
        group: 'held',
        topics: [topic],
        waitMs: 1_000,
        commitIntervalMs: 20,
        eachRecord: async (record) => {
          notes.see(record);
          if (record.offset === 2 && record.text() === '"old-2"') await held.promise;
        },
      },
      notes,
    );
    await until(() => notes.records.length === 3);
    const topicId = await rebirth(topic);
    await send(topic, lifeOf('new', 4));
    await until(
      () => notes.lost.length > 0 || consumer.assignment.some((place) => place.topicId === topicId),
    );
    held.resolve();
    await until(() => notes.records.length === 7);
    expect(notes.values.slice(3)).toEqual(lifeOf('new', 4));
    await consumer.stop();
  });

  it('refuses to seek or commit where the position is of the old topic', async () => {
    const topic = await tests.topic(1);
    await send(topic, lifeOf('old', 3));
    const { consumer, notes } = tests.consumer({
      group: 'seeks',
      topics: [topic],
      waitMs: 500,
      commit: 'manual',
    });
    await until(() => notes.records.length === 3);
    const previous = consumer.assignment[0]!.topicId;
    const topicId = await rebirth(topic);
    await send(topic, lifeOf('new', 4));
    await until(() => notes.records.length === 7);
    const stored = { topic, topicId: previous, partition: 0, offset: 2 };
    expect(() => consumer.seek(stored)).toThrow(/made again/);
    expect(await errorOf(consumer.commit([stored]))).toMatchObject({ code: 'inconsistent_topic_id' });
    await consumer.commit([{ ...stored, topicId }]);
    await consumer.stop();
  });

  it('goes on while a topic of its pattern is gone', async () => {
    const topic = await tests.topic(1);
    await send(topic, lifeOf('old', 1));
    const { consumer, notes } = tests.consumer({ group: 'gone', topicPattern: `${topic}*`, waitMs: 500 });
    await until(() => notes.records.length === 1);
    await tests.client().topics.delete(topic);
    await until(() => consumer.assignment.length === 0);
    await tests.client().topics.declare(topic);
    await send(topic, lifeOf('new', 2));
    await until(() => notes.records.length === 3);
    await consumer.stop();
  });
});

describe('a reader', () => {
  it('of a topic that is made again fails where it is to fail on a position that is not there', async () => {
    const topic = await tests.topic(1);
    await send(topic, lifeOf('old', 3));
    const gate = { isShut: false, waiting: 0, open: Promise.withResolvers<void>() };
    const posthorn = tests.client({
      fetch: async (url, init) => {
        if (gate.isShut) {
          gate.waiting++;
          await gate.open.promise;
        }
        return await fetch(url.replace('http://broker', tests.broker.url), init);
      },
    });
    const values: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const record of posthorn.reader(topic, { waitMs: 200 })) values.push(record.json());
    };
    const failed = errorOf(read());
    await until(() => values.length === 3);
    gate.isShut = true;
    await until(() => gate.waiting > 0);
    await rebirth(topic);
    await send(topic, lifeOf('new', 4));
    gate.open.resolve();
    expect((await failed).code).toBe('inconsistent_topic_id');
    expect(values).toEqual(lifeOf('old', 3));
  });

  it('of a topic that is made again goes on in the new one where it is told to, and says so', async () => {
    const topic = await tests.topic(1);
    await send(topic, lifeOf('old', 3));
    const replaced: TopicReplaced[] = [];
    const reader = tests.client().reader(topic, {
      onOutOfRange: 'earliest',
      waitMs: 500,
      onTopicReplaced: (event) => replaced.push(event),
    });
    const values: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const record of reader) if (values.push(record.json()) === 7) return;
    };
    const reading = read();
    await until(() => values.length === 3);
    const topicId = await rebirth(topic);
    await send(topic, lifeOf('new', 4));
    await reading;
    expect(values.slice(3)).toEqual(lifeOf('new', 4));
    expect(replaced).toMatchObject([{ topic, partition: 0, topicId }]);
  });

  it('that was told the topic of its position refuses another', async () => {
    const topic = await tests.topic(1);
    await send(topic, lifeOf('old', 3));
    const { topicId } = await tests.client().topics.get(topic);
    await rebirth(topic);
    await send(topic, lifeOf('new', 4));
    const read = async (): Promise<void> => {
      for await (const _ of tests.client().reader(topic, { from: 2, topicId, follow: false }));
    };
    expect((await errorOf(read())).code).toBe('inconsistent_topic_id');
  });
});

describe('an idempotent producer', () => {
  it('goes on in a topic that is made again', async () => {
    const topic = await tests.topic(1);
    await using producer = tests.client().producer();
    for (const value of lifeOf('old', 3)) await producer.send(topic, { value });
    await rebirth(topic);
    for (const value of lifeOf('new', 3)) await producer.send(topic, { value });
    const values: unknown[] = [];
    for await (const record of tests.client().reader(topic, { follow: false })) values.push(record.json());
    expect(values).toEqual(lifeOf('new', 3));
  });
});

describe('a transaction', () => {
  it('in a topic that is made again ends there, and readers of committed records go on', async () => {
    const topic = await tests.topic(1);
    await using producer = tests.client().transactionalProducer({ transactionalId: 'reborn' });
    await producer.run((transaction) => transaction.send(topic, { value: 'old' }));
    await rebirth(topic);
    await producer.run((transaction) => transaction.send(topic, { value: 'new' }));
    await send(topic, ['after']);
    const values: unknown[] = [];
    const reader = tests.client().reader(topic, { follow: false, isolation: 'read_committed' });
    for await (const record of reader) values.push(record.json());
    expect(values).toEqual(['new', 'after']);
  });
});
