/** Wide names of queues, exchanges, groups and transactional ids: everything that RabbitMQ takes, wherever a name stands. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import { Posthorn, type PosthornError } from '../../../sdk/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let posthorn: Posthorn;
beforeAll(async () => {
  broker = await TestBroker.start();
  posthorn = new Posthorn({ url: broker.url });
});
afterAll(() => broker.stop());

const LONG = { timeout: 20_000 };

const NAMES = [
  'celery@host.example.pidbox',
  'Shop.Orders:OrderPlaced',
  'a/b',
  'two words ',
  '100%',
  '%41',
  'a?b#c',
  String.raw`a\..\b`,
  `it's "so" {here} [a] <b>`,
  'a,b;c=d&e+f',
  'orders*',
  'ü-✓-😀',
  'é'.repeat(127),
];

describe.each(NAMES)('the name %j', (name) => {
  it('is that of a queue from its declaration to its dead letters', async () => {
    await posthorn.queues.declare(name, { retry: { scheduleMs: [] } });
    expect((await posthorn.queues.get(name)).queue).toBe(name);
    await posthorn.publisher().sendToQueue(name, { body: 'broken' });
    const consumer = posthorn.consumer(name, (message) => message.reject(), { settle: 'manual' });
    const dead = defaultDeadLetterQueue(name);
    await expect.poll(async () => (await listed(dead)).length, LONG).toBe(1);
    await consumer.stop();
    const [letter] = await listed(dead);
    expect(letter!.metadata).toMatchObject({ originalQueue: name, diedIn: name });
    const replay = await posthorn.deadLetters.replay(dead, { ids: [letter!.id] });
    expect(replay).toBeDefined();
    await expect.poll(async () => (await posthorn.queues.get(name)).state.ready, LONG).toBe(1);
    expect(await posthorn.queues.purge(name)).toBe(1);
  });

  it('is that of an exchange with its bindings', async () => {
    const queue = `${'q'.repeat(9)} ${NAMES.indexOf(name)}`;
    await posthorn.queues.declare(queue);
    await posthorn.exchanges.declare(name, { type: 'fanout' });
    await posthorn.exchanges.bind(name, { queue });
    const bindings = await Array.fromAsync(posthorn.exchanges.bindings({ source: name }));
    expect(bindings).toMatchObject([{ source: name, destination: { queue } }]);
    expect(await Array.fromAsync(posthorn.exchanges.bindings({ queue }))).toHaveLength(1);
    await posthorn.publisher().publish(name, { body: 1 });
    expect((await posthorn.queues.get(queue)).state.ready).toBe(1);
    await posthorn.exchanges.unbind(bindings[0]!);
    await posthorn.exchanges.delete(name);
  });

  it('is that of a group and of a transactional id', async () => {
    const topic = `wide-${NAMES.indexOf(name)}`;
    await posthorn.topics.declare(topic, { partitions: 1 });
    await posthorn.queues.declare('results');
    const producer = posthorn.transactionalProducer({ transactionalId: name });
    await producer.begin();
    await producer.send(topic, { value: name });
    await producer.sendToQueue('results', { body: name });
    await producer.commit();
    const values: unknown[] = [];
    const consumer = posthorn.consumer({
      group: name,
      topics: [topic],
      eachRecord: (record) => values.push(record.json()),
    });
    await expect.poll(() => values.length, LONG).toBe(1);
    await consumer.stop();
    const [offset] = await posthorn.groups.offsets(name);
    expect(offset).toMatchObject({ topic, offset: 2 });
    expect(await posthorn.groups.list()).toContain(name);
  });
});

it('stands in lists, page by page', async () => {
  for (const name of NAMES) await posthorn.queues.declare(name);
  const queues = (await posthorn.queues.list()).map(({ queue }) => queue);
  expect(queues).toEqual(expect.arrayContaining(NAMES));
  const paged: string[] = [];
  for (let after = ''; ;) {
    const page = await broker.call<{ queues: { queue: string }[]; next?: string }>(
      'GET',
      `/v1/default/queues?limit=3${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`,
    );
    paged.push(...page.body.queues.map(({ queue }) => queue));
    if (page.body.next === undefined) break;
    after = page.body.next;
  }
  expect(paged.toSorted()).toEqual(queues.toSorted());
});

it.each([
  '',
  '.',
  '..',
  '__proto__',
  'a\u0000b',
  'a\nb',
  'a\u007fb',
  'é'.repeat(128),
  'x'.repeat(256),
  '\ud800',
])('is not %j', async (name) => {
  const refused = await posthorn.queues.declare(name).catch((error: PosthornError) => error.code);
  expect(refused).toBe('invalid_argument');
  if (name === '' || name.startsWith('.') || name === '\ud800') return;
  const { status, body } = await broker.call<{ code: string }>(
    'PUT',
    `/v1/default/queues/${encodeURIComponent(name)}`,
    {},
  );
  expect([status, body.code]).toEqual([400, 'invalid_name']);
});

async function listed(queue: string): Promise<{ id: string; metadata: unknown }[]> {
  try {
    const found = [];
    for await (const letter of posthorn.deadLetters.list(queue)) found.push(letter);
    return found as unknown as { id: string; metadata: unknown }[];
  } catch (error) {
    if ((error as PosthornError).code === 'queue_not_found') return [];
    throw error;
  }
}
