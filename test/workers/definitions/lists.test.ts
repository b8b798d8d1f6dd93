/** Lists come in pages: nothing is left out or said twice, while names come and go. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GroupOffsets } from '../../../protocol/schemas/groups.ts';
import { Posthorn } from '../../../sdk/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const QUEUES = 2_500;

/** Each kind: its path, its member in the reply, the member that is the name, and what makes one of that name. */
const KINDS = [
  ['topics', 'topics', 'topic', {}],
  ['queues', 'queues', 'queue', {}],
  ['exchanges', 'exchanges', 'exchange', {}],
  ['policies', 'policies', 'policy', { pattern: 'none.*', definition: { max_length: 1 } }],
  [
    'alerts',
    'alerts',
    'alert',
    { pattern: 'none.*', metric: 'depth', threshold: 1, webhook: { url: 'https://example.com/' } },
  ],
  [
    'schedules',
    'schedules',
    'schedule',
    { cron: '0 0 1 1 *', target: { queue: 'many' }, message: { body: 1 } },
  ],
  [
    'subscriptions',
    'subscriptions',
    'subscription',
    { source: { queue: 'many' }, target: { url: 'https://example.com/' } },
  ],
  ['hooks', 'hooks', 'hook', { target: { queue: 'many' }, scheme: 'github' }],
  ['share-groups', 'share_groups', 'share_group', { topics: ['many'] }],
] as const;

let broker: TestBroker;
let posthorn: Posthorn;
beforeAll(async () => {
  broker = await TestBroker.start();
  posthorn = new Posthorn({ url: broker.url });
  await broker.declare('many', { partitions: 3 });
  await broker.call('PUT', '/v1/default/queues/many', {});
});
afterAll(() => broker.stop());

type Page = { next?: string } & Record<string, unknown>;

const get = (path: string, query: string) => broker.call<Page>('GET', `/v1/default/${path}?${query}`);

/** Names, page by page, with something done between pages. */
async function pagesOf(
  [path, member, name]: readonly [string, string, string, ...unknown[]],
  limit: number,
  between: () => Promise<unknown> = async () => {},
): Promise<string[][]> {
  const pages: string[][] = [];
  for (let query = `limit=${limit}`; ;) {
    const { status, body } = await get(path, query);
    expect(status).toBe(200);
    pages.push((body[member] as Record<string, string>[]).map((item) => item[name]!));
    if (body.next === undefined) return pages;
    query = `limit=${limit}&after=${body.next}`;
    await between();
  }
}

describe.each(KINDS)('a list of %s', (...kind) => {
  const [path, member, name, fields] = kind;
  const names = ['a', 'b.2', 'b.10', 'B', 'c', 'd', 'e'].map((text) => `list.${text}`);
  beforeAll(async () => {
    for (const each of names) {
      expect((await broker.call('PUT', `/v1/default/${path}/${each}`, fields)).status).toBe(201);
    }
  });

  it('comes in pages in the order of names, each name once', async () => {
    for (const limit of [1, 2, 3, 7]) {
      const pages = await pagesOf(kind, limit);
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
      const listed = pages.flat();
      expect(new Set(listed).size).toBe(listed.length);
      expect(listed.filter((each) => names.includes(each))).toEqual(names.toSorted());
    }
  });

  it('is whole where no page is asked for and it is small', async () => {
    const { body } = await get(path, '');
    expect(body).not.toHaveProperty('next');
    expect((body[member] as object[]).length).toBe((await pagesOf(kind, 2)).flat().length);
  });

  it('goes on after a name that was deleted, and after one that never was', async () => {
    const after = async (text: string): Promise<string | undefined> =>
      ((await get(path, `limit=1&after=${text}`)).body[member] as Record<string, string>[])[0]?.[name];
    expect((await broker.call('DELETE', `/v1/default/${path}/list.c`)).status).toBe(200);
    expect(await after('list.c')).toBe('list.d');
    expect(await after('list.cc')).toBe('list.d');
    expect(await after('zzz')).toBeUndefined();
    await broker.call('PUT', `/v1/default/${path}/list.c`, fields);
  });

  it('refuses a limit out of range and parameters that it does not know', async () => {
    for (const query of ['limit=0', 'limit=1001', 'limit=-1', 'limit=x', `after=${'x'.repeat(256)}`]) {
      expect(await get(path, query)).toMatchObject({ status: 400, body: { code: 'invalid_field' } });
    }
    expect(await get(path, 'page=2')).toMatchObject({ status: 400, body: { code: 'unknown_field' } });
  });
});

it('has the predeclared exchanges first, whatever the page holds', async () => {
  const pages = await pagesOf(['exchanges', 'exchanges', 'exchange'], 6);
  expect(pages[0]).toContain('amq.default');
  expect((await posthorn.exchanges.list()).slice(0, 6).every(({ predeclared }) => predeclared)).toBe(true);
});

it('gives the offsets of a group in pages, by topic and number', async () => {
  await broker.declare('pages', { partitions: 12 });
  await broker.call('PUT', '/v1/default/groups/pages/offsets', { topic: 'pages', to: 'earliest' });
  await broker.call('PUT', '/v1/default/groups/pages/offsets', { topic: 'many', to: 'earliest' });
  const seen: string[] = [];
  for (let after = ''; ;) {
    const query = `limit=4${after && `&after=${encodeURIComponent(after)}`}`;
    const { body } = await broker.call<GroupOffsets>('GET', `/v1/default/groups/pages/offsets?${query}`);
    seen.push(...body.offsets.map(({ topic, partition }) => `${topic}/${partition}`));
    if (body.next === undefined) break;
    after = body.next;
  }
  const numbers = (topic: string, count: number) =>
    Array.from({ length: count }, (_, number) => `${topic}/${number}`);
  expect(seen).toEqual([...numbers('many', 3), ...numbers('pages', 12)]);
  expect(await posthorn.groups.offsets('pages')).toHaveLength(15);
  expect(await get('groups/pages/offsets', 'after=pages')).toMatchObject({ status: 400 });
});

it('gives groups in pages', async () => {
  for (const name of ['g1', 'g2', 'g3'])
    await broker.call('PUT', `/v1/default/groups/${name}/offsets`, { topic: 'many', to: 'earliest' });
  expect(await pagesOf(['groups', 'groups', 'group'], 2)).toEqual([
    ['g1', 'g2'],
    ['g3', 'pages'],
  ]);
  expect(await posthorn.groups.list()).toEqual(['g1', 'g2', 'g3', 'pages']);
});

describe('a list of 2,500 queues', () => {
  beforeAll(() => fetch(`${broker.url}/test/fill?table=queues&like=many&count=${QUEUES}`));

  it('comes in pages of at most 1,000, also where none is asked for', async () => {
    const { body } = await get('queues', '');
    expect(body.queues).toHaveLength(1_000);
    const pages = await pagesOf(['queues', 'queues', 'queue'], 1_000);
    expect(pages.flat().filter((name) => name.startsWith('many.'))).toHaveLength(QUEUES);
    expect((await posthorn.queues.list()).map(({ queue }) => queue)).toEqual(pages.flat());
  });

  it('leaves out and repeats nothing while names come and go', async () => {
    const before = (await posthorn.queues.list()).map(({ queue }) => queue);
    let step = 0;
    const pages = await pagesOf(['queues', 'queues', 'queue'], 200, async () => {
      const [gone, made] = [`many.${String(step * 7).padStart(5, '0')}`, `made.${step}`];
      step++;
      await broker.call('DELETE', `/v1/default/queues/${gone}`);
      await broker.call('PUT', `/v1/default/queues/${made}`, {});
    });
    const listed = pages.flat();
    expect(listed).toEqual([...new Set(listed)].toSorted());
    const after = new Set((await posthorn.queues.list()).map(({ queue }) => queue));
    expect(before.filter((name) => after.has(name) && !listed.includes(name))).toEqual([]);
  });
});
