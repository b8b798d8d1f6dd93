/** Lists that say what the overview knows of each item. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GroupList } from '../../../protocol/schemas/groups.ts';
import type { QueueList } from '../../../protocol/schemas/queues.ts';
import type { TopicList } from '../../../protocol/schemas/topics.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
  for (const [queue, messages] of [
    ['one', 1],
    ['three', 3],
    ['two', 2],
  ] as const) {
    await broker.call('PUT', `/v1/default/queues/${queue}`, {});
    await broker.call('POST', `/v1/default/queues/${queue}/messages`, {
      messages: Array.from({ length: messages }, () => ({ body: 1 })),
    });
  }
  await broker.askObjects();
});
afterAll(() => broker.stop());

const list = async (query: string): Promise<QueueList> =>
  (await broker.call<QueueList>('GET', `/v1/default/queues?${query}`)).body;

describe('the list of queues', () => {
  it('says no state if nobody asks', async () => {
    const { queues } = await list('');
    expect(queues.map(({ queue }) => queue)).toEqual(['one', 'three', 'two']);
    expect(queues[0]).not.toHaveProperty('state');
  });

  it('says what each queue has reported', async () => {
    const { queues } = await list('include=state');
    expect(queues.map(({ queue, state }) => [queue, state?.ready])).toEqual([
      ['one', 1],
      ['three', 3],
      ['two', 2],
    ]);
    expect(queues[1]).toMatchObject({
      lease_ms: 30_000,
      state: { counters: { published: 3 }, is_paused: false },
    });
  });

  it('begins with the most ready messages if that is asked for, page by page', async () => {
    const first = await list('sort=ready&include=state&limit=2');
    expect(first.queues.map(({ queue, state }) => [queue, state?.ready])).toEqual([
      ['three', 3],
      ['two', 2],
    ]);
    const last = await list(`sort=ready&limit=2&after=${first.next}`);
    expect(last).toMatchObject({ queues: [{ queue: 'one', max_priority: 0 }] });
    expect(last).not.toHaveProperty('next');
    expect(last.queues[0]).not.toHaveProperty('state');
  });

  it('refuses what is no page of it', async () => {
    for (const query of ['sort=ready&after=one', 'sort=ready&after=-1', 'sort=size', 'include=lag'])
      expect([query, (await broker.call('GET', `/v1/default/queues?${query}`)).status]).toEqual([query, 400]);
  });
});

it('the lists of topics and groups say lags', async () => {
  await broker.declare('events', { partitions: 1 });
  await broker.declare('unread', { partitions: 1 });
  await broker.produce('events', [{ value: 1 }, { value: 2 }]);
  const joined = await broker.call<{ member_id: string }>('POST', '/v1/default/groups/readers/members', {
    topics: ['events'],
  });
  await broker.call('GET', `/v1/default/groups/readers/members/${joined.body.member_id}/records`);
  await broker.askObjects();
  const topics = await broker.call<TopicList>('GET', '/v1/default/topics?include=lag');
  expect(topics.body.topics.map(({ topic, lag }) => [topic, lag])).toEqual([
    ['events', 2],
    ['unread', null],
  ]);
  const groups = await broker.call<GroupList>('GET', '/v1/default/groups?include=lag');
  expect(groups.body.groups).toEqual([{ group: 'readers', lag: 2 }]);
  expect((await broker.call<GroupList>('GET', '/v1/default/groups')).body.groups).toEqual([
    { group: 'readers' },
  ]);
});
