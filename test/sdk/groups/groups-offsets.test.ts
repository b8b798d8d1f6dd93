/** The offsets of a group's consumer: when they are committed, and where it reads. */

import { describe, expect, it } from 'vitest';
import { groupTests, Notes, untilHandled } from './groups-harness.ts';
import { errorOf, until } from '../harness.ts';

const tests = groupTests();

describe('commits', () => {
  it('go by interval, in one request for all partitions', async () => {
    const topic = await tests.topic(3, 10);
    let commits = 0;
    const posthorn = tests.client({
      fetch: (url, init) => {
        if (init.method === 'POST' && url.endsWith('/offsets')) commits++;
        return fetch(url.replace('http://broker', tests.broker.url), init);
      },
    });
    const { consumer, notes } = tests.consumer(
      { group: 'interval', topics: [topic], commit: 'interval', commitIntervalMs: 300 },
      new Notes(),
      posthorn,
    );
    await until(() => notes.records.length === 30);
    await untilHandled(posthorn, 'interval');
    expect(commits).toBeLessThanOrEqual(2);
    const before = commits;
    await consumer.stop();
    expect(commits, 'nothing has changed since').toBe(before);
  });

  it('go by hand, of what is handled or of what is named, with metadata', async () => {
    const topic = await tests.topic(1, 10);
    const posthorn = tests.client();
    const { consumer, notes } = tests.consumer({ group: 'manual', topics: [topic], commit: 'manual' });
    await until(() => notes.records.length === 10);
    await consumer.commit([{ topic, partition: 0, offset: 4, metadata: 'half' }]);
    expect(await posthorn.groups.offsets('manual')).toMatchObject([{ offset: 4, metadata: 'half' }]);
    const error = await errorOf(consumer.commit([{ topic, partition: 0, offset: 11 }]));
    expect(error.code).toBe('offset_past_end');
    await consumer.stop();
    expect(await posthorn.groups.offsets('manual'), 'stopping commits nothing').toMatchObject([
      { offset: 4 },
    ]);
    const again = tests.consumer({ group: 'manual', topics: [topic], commit: 'manual' });
    await until(() => again.notes.records.length === 6);
    await again.consumer.commit();
    expect(await posthorn.groups.offsets('manual')).toMatchObject([{ offset: 10 }]);
    await again.consumer.stop();
  });

  it('are taken by each partition for itself, and a refusal says which were', async () => {
    const topic = await tests.topic(2, 3);
    const { consumer, notes } = tests.consumer({ group: 'partly', topics: [topic], commit: 'manual' });
    await until(() => notes.records.length === 6);
    const error = await errorOf(
      consumer.commit([
        { topic, partition: 0, offset: 2 },
        { topic, partition: 1, offset: 4 },
      ]),
    );
    expect(error).toMatchObject({
      code: 'offset_past_end',
      details: {
        committed: [{ topic, partition: 0, offset: 2 }],
        refused: [{ topic, partition: 1, offset: 4, code: 'offset_past_end' }],
      },
    });
    expect((await tests.client().groups.offsets('partly')).map(({ offset }) => offset)).toEqual([2, null]);
    await consumer.stop();
  });
});

describe('where it reads', () => {
  it('can be changed by seeking, back and forward', async () => {
    const topic = await tests.topic(1, 10);
    const { consumer, notes } = tests.consumer({ group: 'seek', topics: [topic] });
    await until(() => notes.records.length === 10);
    consumer.seek({ topic, partition: 0, offset: 7 });
    await until(() => notes.records.length === 13);
    expect(notes.records.slice(10).map(({ offset }) => offset)).toEqual([7, 8, 9]);
    expect(() => consumer.seek({ topic, partition: 5, offset: 0 })).toThrow('not assigned');
    expect(() => consumer.seek({ topic, partition: 0, offset: -1 })).toThrow('whole number');
    await consumer.stop();
    const ahead = tests.consumer({
      group: 'seek-ahead',
      topics: [topic],
      onAssigned: () => ahead.consumer.seek({ topic, partition: 0, offset: 8 }),
    });
    await until(() => ahead.notes.records.length === 2);
    await ahead.consumer.stop();
    expect(ahead.notes.records.map(({ offset }) => offset)).toEqual([8, 9]);
  });

  it('pauses partition by partition, and goes on', async () => {
    const topic = await tests.topic(2);
    const { consumer, notes } = tests.consumer({ group: 'pause', topics: [topic] });
    await until(() => notes.assigned.length === 2);
    consumer.pause([{ topic, partition: 0 }]);
    expect(consumer.paused).toMatchObject([{ topic, partition: 0 }]);
    await tests.fill(topic, 2, 5);
    await until(() => notes.records.length === 5);
    expect(new Set(notes.records.map(({ partition }) => partition))).toEqual(new Set([1]));
    expect(await consumer.lag()).toMatchObject([
      { partition: 0, lag: 5 },
      { partition: 1, lag: 0 },
    ]);
    consumer.resume();
    await until(() => notes.records.length === 10);
    expect(consumer.paused).toMatchObject([]);
    await consumer.stop();
  });

  it('tells how far behind it is', async () => {
    const topic = await tests.topic(1, 4);
    const told: number[] = [];
    const { consumer } = tests.consumer({
      group: 'lag',
      topics: [topic],
      lagIntervalMs: 20,
      onAssigned: () => consumer.pause(),
      onLag: (lags) => void told.push(...lags.map(({ lag }) => lag)),
    });
    await until(() => told.includes(4));
    consumer.resume();
    await until(() => told.at(-1) === 0);
    await consumer.stop();
  });
});

it('reads on at the start of a log whose records were removed before it came to them', async () => {
  const topic = await tests.topic(1, 10);
  const posthorn = tests.client();
  const { consumer, notes } = tests.consumer({ group: 'removed-records', topics: [topic] });
  await until(() => notes.records.length === 10);
  consumer.pause();
  await tests.fill(topic, 1, 10, 10);
  consumer.seek({ topic, partition: 0, offset: 2 });
  await posthorn.topics.deleteRecords(topic, 0, { before: 15 });
  consumer.resume();
  await until(() => notes.records.length === 15);
  expect(notes.records.slice(10).map(({ offset }) => offset)).toEqual([15, 16, 17, 18, 19]);
  expect(notes.errors).toContainEqual(expect.objectContaining({ code: 'offset_below_start' }));
  await consumer.stop();
});
