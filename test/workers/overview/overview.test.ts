/** The overview of a namespace: what objects report of themselves, and what leaves it. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Overview } from '../../../protocol/schemas/overview.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const overview = async (): Promise<Overview> =>
  (await broker.call<Overview>('GET', '/v1/default/overview')).body;

async function overviewWith(wanted: (overview: Overview) => boolean, what: string): Promise<Overview> {
  let found = await overview();
  const look = async (): Promise<boolean> => {
    await broker.askObjects();
    return wanted((found = await overview()));
  };
  await until(look, what);
  return found;
}

describe('the overview', () => {
  it('is empty where nothing has reported', async () => {
    expect(await overview()).toMatchObject({ totals: { queues: 0, topics: 0, lag: 0 }, problems: [] });
  });

  it('tells what queues hold, what they counted, and their problems', async () => {
    await broker.call('PUT', '/v1/default/queues/jobs', {});
    await broker.call('POST', '/v1/default/queues/jobs/messages', {
      messages: [{ body: 1 }, { body: 2 }, { body: 3 }],
    });
    const { body } = await broker.call<{ deliveries: { delivery_tag: string }[] }>(
      'POST',
      '/v1/default/queues/jobs/deliveries',
      { max: 2 },
    );
    const [ack, reject] = body.deliveries.map(({ delivery_tag: tag }) => tag);
    await broker.call('POST', '/v1/default/queues/jobs/settlements', {
      ack: [ack],
      reject: [{ tag: reject }],
    });
    await broker.call('POST', '/v1/default/queues/jobs/pause');
    const isDone = ({ queues }: Overview): boolean =>
      queues.some(({ queue, is_paused, ready }) => queue === 'jobs' && is_paused && ready === 1) &&
      queues.some(({ queue, ready }) => queue !== 'jobs' && ready === 1);
    const seen = await overviewWith(isDone, 'the report of the queue');
    const jobs = seen.queues.find(({ queue }) => queue === 'jobs')!;
    expect(jobs).toMatchObject({ ready: 1, leased: 0, is_paused: true, is_full: false });
    expect(jobs.counters).toMatchObject({ published: 3, delivered: 2, acked: 1 });
    expect(jobs.counters.dead_letters.rejected).toBe(1);
    expect(jobs.oldest_ms).toBeGreaterThan(0);
    expect(jobs.stored_bytes).toBeGreaterThan(0);
    expect(jobs.rates.published).toBeGreaterThan(0);
    expect(seen.problems).toMatchObject([
      { problem: 'dead_letters_growing', kind: 'queue', name: 'jobs' },
      { problem: 'dead_letters', kind: 'queue', name: 'jobs.dlq', detail: '1 dead letter of jobs' },
      { problem: 'paused', kind: 'queue', name: 'jobs' },
    ]);
    expect(seen.totals.stored_bytes).toBeGreaterThanOrEqual(jobs.stored_bytes);
  });

  it('counts nothing twice when an object has slept', async () => {
    const dlq = await broker.call<{ topology_version: number }>('GET', '/v1/default/queues/jobs.dlq');
    const published = async (): Promise<number | undefined> =>
      (await overview()).queues.find(({ queue }) => queue === 'jobs.dlq')?.counters.published;
    const total = async (): Promise<number> => (await overview()).counters.published;
    const [first, firstTotal] = [await published(), await total()];
    const sleep = () => broker.evictQueue('jobs.dlq', dlq.body.topology_version);
    await sleep();
    for (let round = 0; round < 3; round++) await broker.askObjects();
    expect([await published(), await total()]).toEqual([first, firstTotal]);
    await broker.call('POST', '/v1/default/queues/jobs.dlq/messages', { messages: [{ body: 1 }] });
    await broker.askObjects();
    await broker.call('POST', '/v1/default/queues/jobs.dlq/deliveries', { max: 1 });
    await sleep();
    for (let round = 0; round < 3; round++) await broker.askObjects();
    expect([await published(), await total()]).toEqual([first! + 1, firstTotal + 1]);
  });

  it('tells the records of topics, and the lag of groups', async () => {
    await broker.declare('events', { partitions: 2 });
    await broker.produce(
      'events',
      [0, 0, 1].map((partition) => ({ value: 1, partition })),
    );
    const joined = await broker.call<{ member_id: string }>('POST', '/v1/default/groups/readers/members', {
      topics: ['events'],
    });
    await broker.call('GET', `/v1/default/groups/readers/members/${joined.body.member_id}/records`);
    const seen = await overviewWith(({ totals }) => totals.lag === 3, 'the lag of the group');
    expect(seen.topics).toMatchObject([{ topic: 'events', partitions: 2, lag: 3, counters: { records: 3 } }]);
    expect(seen.groups).toMatchObject([{ group: 'readers', kind: 'group', topics: ['events'], lag: 3 }]);
  });

  it('no longer has what was deleted, and keeps what that has counted', async () => {
    await broker.call('DELETE', '/v1/default/queues/jobs');
    await broker.call('DELETE', '/v1/default/topics/events');
    const seen = await overviewWith(({ totals }) => totals.topics === 0, 'the end of the topic');
    expect(seen.queues.map(({ queue }) => queue)).not.toContain('jobs');
    expect(seen.problems).toEqual([]);
    expect(seen.counters).toMatchObject({ published: 5, acked: 1, records: 3 });
  });

  it('refuses a limit that is none', async () => {
    expect((await broker.call('GET', '/v1/default/overview?limit=0')).status).toBe(400);
  });
});
