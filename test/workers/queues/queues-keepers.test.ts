/** Keepers: streams that take nothing, but keep a queue or what was taken by requests, until they end. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { QueueClient, tagsOf } from '../../support/clients/queue-client.ts';
import { RawStream } from '../../support/clients/raw-stream.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted' });
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

const EXPIRES_MS = 1_000;
const LEASE_MS = 600_000;

const open = (queue: string, query: string): Promise<RawStream> => RawStream.open(broker.url, queue, query);
const isThere = async (queue: string): Promise<boolean> =>
  (await broker.call('GET', `/v1/default/queues/${queue}`)).status === 200;
const isGone = async (queue: string): Promise<unknown> =>
  queues.until(
    () => isThere(queue),
    (there) => !there,
  );

it('a keeper of a queue counts as no consumer, and the queue expires only after it has ended', async () => {
  await queues.declare('kept', { expires_ms: EXPIRES_MS });
  const keeper = await open('kept', 'keeps=queue');
  await delay(2 * EXPIRES_MS);
  expect(await queues.state('kept')).toMatchObject({ consumers: 0 });
  keeper.end();
  await isGone('kept');
});

it('no alarm and no row is spent on a queue while it is kept, however short its expiry', async () => {
  await queues.declare('quiet', { expires_ms: EXPIRES_MS });
  const keeper = await open('quiet', 'keeps=queue');
  await queues.publish('quiet', [{ body: 1 }]);
  await delay(EXPIRES_MS); // the alarm of the declaration finds the keeper
  const before = (await queues.state('quiet')).meter;
  await delay(2 * EXPIRES_MS);
  const { rows_written: rows, since, commits } = before;
  expect((await queues.state('quiet')).meter).toMatchObject({ rows_written: rows, since, commits });
  keeper.end();
});

it('a keeper takes no message, whatever prefetch it asks for', async () => {
  await queues.declare('untouched');
  const keeper = await open('untouched', 'keeps=queue&prefetch=5');
  keeper.say('{"prefetch":5}');
  await queues.until(
    async () => keeper.text,
    (text) => text.includes('"prefetch":5'),
  );
  await queues.publish('untouched', [{ body: 1 }]);
  expect(await queues.state('untouched')).toMatchObject({ ready: 1, leased: 0 });
  keeper.end();
});

it('what a consumer id took by requests comes back when its keeper ends, and nothing else', async () => {
  await queues.declare('taken');
  await queues.publish('taken', [{ body: 1 }, { body: 2 }, { body: 3 }]);
  const keeper = await open('taken', 'keeps=messages&consumer_id=mine');
  const [acked] = await queues.take('taken', { max: 1, lease_ms: LEASE_MS, consumer_id: 'mine' });
  expect(await queues.take('taken', { max: 1, lease_ms: LEASE_MS, consumer_id: 'mine' })).toHaveLength(1);
  expect(await queues.take('taken', { max: 1, lease_ms: LEASE_MS, consumer_id: 'other' })).toHaveLength(1);
  expect(await queues.settle('taken', { ack: tagsOf([acked!]), consumer_id: 'mine' })).toEqual(['settled']);
  keeper.end();
  await queues.until(
    () => queues.state('taken'),
    ({ ready }) => ready === 1,
  );
  expect(await queues.state('taken')).toMatchObject({ ready: 1, leased: 1 });
});

it('a keeper of messages alone does not keep its queue', async () => {
  await queues.declare('polled', { expires_ms: EXPIRES_MS });
  const keeper = await open('polled', 'keeps=messages&consumer_id=mine');
  await isGone('polled');
  keeper.end();
});

it('a queue with auto-delete stays when a keeper ends, and goes with its last consumer though a keeper is there', async () => {
  await queues.declare('auto', { auto_delete: true });
  (await open('auto', 'keeps=queue')).end();
  const keeper = await open('auto', 'keeps=queue');
  await delay(200);
  expect(await isThere('auto')).toBe(true);
  (await open('auto', 'prefetch=1')).end();
  await isGone('auto');
  keeper.end();
});

it('a queue that was kept when the broker ended has its whole time again', async () => {
  await queues.declare('restarted', { expires_ms: 2 * EXPIRES_MS });
  await open('restarted', 'keeps=queue');
  await delay(3 * EXPIRES_MS);
  await broker.restart();
  expect(await isThere('restarted')).toBe(true);
  const keeper = await open('restarted', 'keeps=queue');
  await delay(3 * EXPIRES_MS);
  expect(await isThere('restarted')).toBe(true);
  keeper.end();
  await isGone('restarted');
});

it.each(['keeps=everything', 'keeps='])('?%s is refused', async (query) => {
  await queues.declare('refusing');
  const reply = await broker.call('GET', `/v1/default/queues/refusing/stream?${query}`, undefined, {});
  expect(reply.body).toMatchObject({ code: 'invalid_field' });
});
