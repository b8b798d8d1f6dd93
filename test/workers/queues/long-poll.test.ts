import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its objects leave memory by themselves' });
});
afterAll(() => broker.stop());

async function untilWaiting(topic: string): Promise<void> {
  while ((await broker.state(topic, 0)).waiting === 0) await delay(10);
}

describe('a long poll', () => {
  it('answers what is there without waiting', async () => {
    await broker.declare('there');
    await broker.produce('there', [{ value: 1 }]);
    expect((await broker.fetch('there', 0, 'wait_ms=30000')).body.records).toHaveLength(1);
  });

  it('answers with the record that it waited for, from where it began', async () => {
    await broker.declare('awaited');
    const poll = broker.fetch('awaited', 0, 'offset=latest&wait_ms=30000');
    await untilWaiting('awaited');
    await broker.produce('awaited', [{ value: 'a' }, { value: 'b' }]);
    expect((await poll).body).toMatchObject({
      records: [{ offset: 0, value: 'a' }, { value: 'b' }],
      next_offset: 2,
    });
  });

  it('answers nothing when the time is over', async () => {
    await broker.declare('silent');
    const { status, body } = await broker.fetch('silent', 0, 'offset=0&wait_ms=150');
    expect(status).toBe(200);
    expect(body).toMatchObject({ records: [], next_offset: 0, high_watermark: 0, log_start_offset: 0 });
  });

  it('misses nothing between two polls', async () => {
    await broker.declare('steady');
    const seen: unknown[] = [];
    const reader = (async () => {
      for (let offset = 0; seen.length < 200;) {
        const { body } = await broker.fetch('steady', 0, `offset=${offset}&wait_ms=5000`);
        seen.push(...body.records.map(({ value }) => value));
        offset = body.next_offset;
      }
    })();
    for (let i = 0; i < 200; i++) await broker.produce('steady', [{ value: i }]);
    await reader;
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('waits on while its object is out of memory', async () => {
    await broker.declare('asleep');
    await broker.state('asleep', 0);
    const poll = broker.fetch('asleep', 0, 'offset=0&wait_ms=30000');
    await untilWaiting('asleep');
    const { since } = (await broker.state('asleep', 0)).meter;
    await broker.evict('asleep', 0);
    await broker.produce('asleep', [{ value: 'wake up' }]);
    expect((await poll).body.records).toMatchObject([{ value: 'wake up' }]);
    expect((await broker.state('asleep', 0)).meter.since).toBeGreaterThan(since);
  });

  it('ends where the client leaves, and leaves no waiter behind that would be answered', async () => {
    await broker.declare('left');
    const controller = new AbortController();
    const poll = broker.fetch('left', 0, 'offset=0&wait_ms=30000', controller.signal);
    await untilWaiting('left');
    controller.abort();
    await expect(poll).rejects.toThrow();
    await broker.produce('left', [{ value: 1 }]);
    expect((await broker.fetch('left', 0)).body.records).toHaveLength(1);
  });

  it('holds a thousand readers while the object sleeps, and answers them all', async () => {
    const { topic, polls, since: before } = await sleepingCrowd();
    await broker.produce(topic, [{ value: 'all of you' }]);
    const answers = await Promise.all(polls);
    expect(answers.filter(({ body }) => body.records[0]?.value === 'all of you')).toHaveLength(1_000);
    const { since, rows_written } = (await broker.state(topic, 0)).meter;
    expect(since, 'it was out of memory while they waited').toBeGreaterThan(before);
    expect(rows_written, 'waiting costs no rows').toBeLessThanOrEqual(2);
  }, 240_000);
});

/**
 * A thousand readers of a topic whose object is out of memory. That it leaves memory by itself is for test/workers/sleep.test.ts to
 * show.
 *
 * The runtime of this version keeps an object awake for ever if a call reaches it while it is accepting a socket, or if two are opened
 * to it at the very same time (workerd issue 6862, since mended in production). So the readers come one after another, it is
 * asked a little later, and another topic is taken if it happened all the same.
 */
async function sleepingCrowd(): Promise<{
  topic: string;
  polls: ReturnType<TestBroker['fetch']>[];
  since: number;
}> {
  for (let attempt = 1; ; attempt++) {
    const topic = `crowd-${attempt}`;
    await broker.declare(topic);
    const { since } = (await broker.state(topic, 0)).meter;
    const leaving = new AbortController();
    const polls: ReturnType<TestBroker['fetch']>[] = [];
    for (let waiting = 0; waiting < 1_000; waiting++) {
      polls.push(broker.fetch(topic, 0, 'offset=0&wait_ms=240000', leaving.signal));
      do await delay(3);
      while ((await broker.state(topic, 0)).waiting <= waiting);
    }
    try {
      await broker.evict(topic, 0);
      return { topic, polls, since };
    } catch (error) {
      leaving.abort();
      await Promise.allSettled(polls);
      if (attempt === 3) throw error;
    }
  }
}
