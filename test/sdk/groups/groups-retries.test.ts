/** Handlers that throw: retries, dead letters, and the end of a consumer that has neither. */

import { describe, expect, it } from 'vitest';
import { groupTests, Notes, untilHandled } from './groups-harness.ts';
import { errorOf, readAll, until } from '../harness.ts';

const tests = groupTests();
const NO_WAIT = { scheduleMs: [1, 1] };

class NoCredit extends Error {
  override readonly name = 'NoCredit';
}

describe('a record whose handler throws', () => {
  it('is tried again, before those after it', async () => {
    const topic = await tests.topic(2, 3);
    const notes = new Notes();
    const attempts: number[] = [];
    const { consumer } = tests.consumer(
      {
        group: 'again',
        topics: [topic],
        retry: NO_WAIT,
        eachRecord: (record, { attempt }) => {
          if (record.json() === '1-1') {
            attempts.push(attempt);
            if (attempt < 3) throw new NoCredit('not yet');
          }
          notes.see(record);
        },
      },
      notes,
    );
    await untilHandled(tests.client(), 'again');
    await consumer.stop();
    expect(attempts).toEqual([1, 2, 3]);
    const ofOne = notes.records.filter(({ partition }) => partition === 1);
    expect(ofOne.map(({ value }) => value)).toEqual(['1-0', '1-1', '1-2']);
    expect(notes.errors).toEqual([new NoCredit('not yet'), new NoCredit('not yet')]);
  });

  it('goes to a topic of dead letters as it was, with why, and reading goes on', async () => {
    const topic = await tests.topic(1);
    const posthorn = tests.client();
    await using producer = posthorn.producer();
    await producer.send(topic, { key: 'k', value: { n: 1 }, headers: { trace: 't-1' } });
    await producer.send(topic, { key: 'k', value: { n: 2 } });
    await posthorn.topics.declare('graveyard');
    const { consumer, notes } = tests.consumer({
      group: 'bury',
      topics: [topic],
      retry: NO_WAIT,
      deadLetter: { topic: 'graveyard' },
      eachRecord: async (record) => {
        if (record.json<{ n: number }>()!.n === 1) throw new NoCredit('nothing left');
        notes.see(record);
      },
    });
    await untilHandled(posthorn, 'bury');
    await consumer.stop();
    expect(notes.values).toEqual([{ n: 2 }]);
    const [dead, ...others] = await readAll(posthorn, 'graveyard');
    expect(others).toEqual([]);
    expect([dead!.keyText, dead!.json()]).toEqual(['k', { n: 1 }]);
    const text = new TextDecoder();
    const headers = Object.fromEntries(dead!.headers.map(({ key, value }) => [key, text.decode(value!)]));
    expect(headers).toMatchObject({
      trace: 't-1',
      'dead-letter-error-type': 'NoCredit',
      'dead-letter-error-message': 'nothing left',
      'dead-letter-group': 'bury',
      'dead-letter-topic': topic,
      'dead-letter-partition': '0',
      'dead-letter-offset': '0',
      'dead-letter-attempts': '3',
    });
    expect(headers['dead-letter-error-stack']).toContain('groups-retries.test.ts');
    expect(Number(headers['dead-letter-timestamp'])).toBeGreaterThan(0);
  });

  it('goes to a queue of dead letters', async () => {
    const topic = await tests.topic(1, 2);
    const posthorn = tests.client();
    await posthorn.queues.declare('failed');
    const { consumer } = tests.consumer({
      group: 'bury-in-queue',
      topics: [topic],
      retry: { scheduleMs: [] },
      deadLetter: { queue: 'failed' },
      eachRecord: () => Promise.reject(new NoCredit('never')),
    });
    await untilHandled(posthorn, 'bury-in-queue');
    await consumer.stop();
    const [first, second] = await posthorn.queues.peek('failed');
    expect([first!.body, second!.body]).toEqual(['0-0', '0-1']);
    expect(first!.headers).toMatchObject({ 'dead-letter-offset': '0', 'dead-letter-attempts': '1' });
    expect(first!.properties.orderingKey).toBe('k0');
  });

  it('goes to the queue of the group where nothing is said, made with the first record that goes there', async () => {
    const topic = await tests.topic(1, 3);
    const posthorn = tests.client();
    const { consumer, notes } = tests.consumer({
      group: 'buried',
      topics: [topic],
      retry: NO_WAIT,
      eachRecord: (record) => {
        if (record.offset < 2) throw new NoCredit('never');
        notes.see(record);
      },
    });
    await until(() => notes.records.length === 1);
    await consumer.stop();
    const { deadLetter, state } = await posthorn.queues.get('buried.dlq');
    expect([deadLetter, state.ready]).toEqual(['none', 2]);
    expect(await posthorn.groups.offsets('buried')).toMatchObject([{ offset: 3, lag: 0 }]);
  });

  it('ends the consumer where there is no dead letter: what came before is committed, nothing is skipped', async () => {
    const topic = await tests.topic(1, 5);
    const notes = new Notes();
    const { consumer } = tests.consumer(
      {
        group: 'poison',
        deadLetter: 'none',
        topics: [topic],
        retry: NO_WAIT,
        eachRecord: (record) => {
          if (record.offset === 2) throw new NoCredit('never');
          notes.see(record);
        },
      },
      notes,
    );
    expect(await errorOf(consumer.done)).toMatchObject({
      code: 'handler_failed',
      cause: new NoCredit('never'),
      details: { topic, partition: 0, offset: 2, attempts: 3 },
    });
    expect(notes.values).toEqual(['0-0', '0-1']);
    expect(await tests.client().groups.describe('poison')).toMatchObject({
      state: 'empty',
      offsets: [{ offset: 2, lag: 3 }],
    });
    expect(await errorOf(consumer.stop())).toMatchObject({ code: 'handler_failed' });
  });

  it('ends the consumer where the dead letter cannot be stored', async () => {
    const topic = await tests.topic(1, 1);
    const { consumer } = tests.consumer({
      group: 'no-grave',
      topics: [topic],
      retry: { scheduleMs: [] },
      deadLetter: { topic: 'no-such-topic' },
      eachRecord: () => Promise.reject(new NoCredit('never')),
    });
    expect(await errorOf(consumer.done)).toMatchObject({ code: 'topic_not_found' });
    expect(await tests.client().groups.offsets('no-grave')).toMatchObject([{ offset: null }]);
  });

  it('does not keep a partition from being given up while it waits for a retry', async () => {
    const topic = await tests.topic(2, 1);
    const group = 'waiting';
    const one = tests.consumer({
      group,
      topics: [topic],
      retry: { scheduleMs: [600_000] },
      eachRecord: () => Promise.reject(new NoCredit('later')),
    });
    await until(() => one.notes.errors.length === 2);
    const two = tests.consumer({ group, topics: [topic] });
    await until(() => two.notes.records.length === 1);
    await one.consumer.stop();
    await until(() => two.notes.records.length === 2);
    await two.consumer.stop();
  });
});

it('tries of a batch what is left after the record that it marked', async () => {
  const topic = await tests.topic(1, 6);
  const attempts: unknown[][] = [];
  const { consumer } = tests.consumer({
    group: 'marked',
    topics: [topic],
    retry: NO_WAIT,
    eachBatch: (batch, { attempt }) => {
      attempts.push(batch.records.map(({ offset }) => offset));
      if (attempt > 1) return;
      batch.markHandled(batch.records[3]!);
      throw new NoCredit('half-way');
    },
  });
  await untilHandled(tests.client(), 'marked');
  await consumer.stop();
  expect(attempts).toEqual([
    [0, 1, 2, 3, 4, 5],
    [4, 5],
  ]);
});

it('stops where onAssigned throws', async () => {
  const topic = await tests.topic(1, 1);
  const { consumer, notes } = tests.consumer({
    group: 'callback',
    topics: [topic],
    onAssigned: () => Promise.reject(new NoCredit('no positions')),
  });
  expect(await errorOf(consumer.done)).toMatchObject({ code: 'handler_failed', message: 'onAssigned threw' });
  expect(notes.records).toEqual([]);
});
