/** What queues and transactions do by time happens although an alarm was lost: with the next request, or by the watchdog. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueueReply, QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { TransactionClient } from '../../support/clients/transaction-client.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

const MINUTE_MS = 60_000;

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward' });
});
afterAll(() => broker.stop());

const ids = new Map<string, number>();
async function declare(queue: string, fields: object = {}): Promise<void> {
  const { body } = await broker.call<QueueReply>('PUT', `/v1/default/queues/${queue}`, fields);
  ids.set(queue, body.topology_version);
}
const publish = (queue: string, message: object) =>
  broker.call('POST', `/v1/default/queues/${queue}/messages`, { messages: [{ body: 1, ...message }] });
const take = async (queue: string) =>
  (await broker.call<{ deliveries: unknown[] }>('POST', `/v1/default/queues/${queue}/deliveries`, {})).body
    .deliveries;
const state = async (queue: string) =>
  (await broker.call<QueueWithStateReply>('GET', `/v1/default/queues/${queue}`)).body.state;
const objectName = (queue: string) => `default/${queue}#${ids.get(queue)}`;

const loseAlarm = (queue: string): Promise<void> => loseAlarmOf(objectName(queue));
async function loseAlarmOf(object: string): Promise<void> {
  await fetch(`${broker.url}/test/lose-alarm?object=${encodeURIComponent(object)}`);
}

async function evict(queue: string): Promise<void> {
  await broker.evictObject('Queue', objectName(queue));
}

/** All runs of the cron in an hour: each queue is visited by one of them. */
async function runCronsOfAnHour(): Promise<void> {
  await runCrons(12);
}

async function runCrons(runs: number): Promise<void> {
  const worker = (await broker.broker.miniflare.getWorker('posthorn')) as unknown as {
    scheduled(options: { scheduledTime: Date; cron: string }): Promise<unknown>;
  };
  for (let run = 0; run < runs; run++) {
    await worker.scheduled({ scheduledTime: new Date(run * 5 * MINUTE_MS), cron: '*/5 * * * *' });
  }
}

/** A consumer that waits hears of a message without another request. */
async function waiting(queue: string): Promise<{ deliveries: unknown[] }> {
  const { body } = await broker.call<{ deliveries: unknown[] }>(
    'POST',
    `/v1/default/queues/${queue}/deliveries`,
    { wait_ms: 60_000 },
  );
  return body;
}

describe('a lost alarm of a queue', () => {
  it.each([
    ['in memory', async () => {}],
    ['asleep', evict],
  ])('is found by the watchdog, the object being %s', async (where, sleep) => {
    const queue = `watched-${where.replace(' ', '-')}`;
    await declare(queue);
    await publish(queue, { properties: { delay_ms: 30 * MINUTE_MS } });
    const waiter = waiting(queue);
    await delay(300); // a call that comes while a socket is being accepted keeps the object awake: see sleep.test.ts
    await until(async () => (await state(queue)).consumers === 1, 'the consumer to wait');
    await loseAlarm(queue);
    await sleep(queue);
    await broker.advance(31 * MINUTE_MS);
    await runCronsOfAnHour();
    expect((await waiter).deliveries).toHaveLength(1);
  });

  it('is armed again by the next request, so that what comes later is in time by itself', async () => {
    await declare('rearmed');
    await publish('rearmed', { properties: { delay_ms: 1_000 } });
    await loseAlarm('rearmed');
    await broker.advance(5 * MINUTE_MS);
    expect(await take('rearmed')).toHaveLength(1);
    const { rows_written: before } = (await state('rearmed')).meter;
    await publish('rearmed', { properties: { delay_ms: 1_000 } });
    expect(
      (await state('rearmed')).meter.rows_written - before,
      'the message, how many are parked, the alarm',
    ).toBe(3);
  });
});

describe('with the next request', () => {
  const late = 10 * MINUTE_MS;

  it.each([
    ['a delay', 'delay_ms', 5 * MINUTE_MS],
    ['a time of delivery', 'deliver_at', 0],
  ])('%s ends', async (_, property, value) => {
    const queue = `due-${property.replace('_', '-')}`;
    await declare(queue);
    const nowMs = Number(await (await fetch(`${broker.url}/test/advance?ms=0`)).text()) + Date.now();
    const at = property === 'deliver_at' ? nowMs + 5 * MINUTE_MS : value;
    await publish(queue, { properties: { [property]: at } });
    expect(await take(queue)).toHaveLength(0);
    await loseAlarm(queue);
    await broker.advance(late);
    expect(await take(queue)).toHaveLength(1);
  });

  it('a lease ends', async () => {
    await declare('leases', { lease_ms: MINUTE_MS });
    await publish('leases', {});
    expect(await take('leases')).toHaveLength(1);
    await loseAlarm('leases');
    await broker.advance(late);
    expect(await take('leases')).toHaveLength(1);
  });

  it('messages expire', async () => {
    await declare('expiring', { message_ttl_ms: MINUTE_MS, dead_letter: 'none' });
    await publish('expiring', {});
    await loseAlarm('expiring');
    await broker.advance(late);
    expect(await take('expiring')).toHaveLength(0);
    expect((await state('expiring')).ready).toBe(0);
  });

  it('an unused queue goes, or by the watchdog where nobody asks', async () => {
    await declare('unused', { expires_ms: MINUTE_MS });
    await loseAlarm('unused');
    await evict('unused');
    await broker.advance(late);
    await runCronsOfAnHour();
    await until(
      async () => (await broker.call('GET', '/v1/default/queues/unused')).status === 404,
      'the queue to go',
    );
  });
});

describe('a lost alarm of a transaction', () => {
  const begin = (name: string): Promise<TransactionClient> => TransactionClient.begin(() => broker, name);
  const evictCoordinator = (name: string): Promise<void> =>
    broker.broker.miniflare.unsafeEvictDurableObject('posthorn', 'Transaction', { name: `default/${name}` });
  const listed = async (): Promise<string[]> =>
    (await (await fetch(`${broker.url}/test/transactional-ids`)).json()) as string[];
  const committed = async (topic: string): Promise<unknown[]> =>
    (await broker.fetch(topic, 0, 'isolation=read_committed')).body.records.map(({ value }) => value);

  it.each([
    ['in memory', async () => {}],
    ['asleep', evictCoordinator],
  ])('is found by the next run of the watchdog, the object being %s', async (where, sleep) => {
    const topic = `blocked-${where.replace(' ', '-')}`;
    await broker.declare(topic);
    const left = await begin(topic);
    await left.send(topic, 0, 'left open');
    await broker.produce(topic, [{ value: 'behind it' }]);
    await loseAlarmOf(`default/${topic}`);
    await sleep(topic);
    await broker.advance(2 * MINUTE_MS);
    expect(await committed(topic)).toEqual([]);
    await runCrons(1);
    await until(async () => (await committed(topic)).length === 1, 'the transaction to end');
    expect(await committed(topic)).toEqual(['behind it']);
    expect((await left.end('commit')).body.code).toBe('transaction_aborted');
  });

  it('is found where only messages or offsets were in it', async () => {
    await declare('held');
    const left = await begin('only-messages');
    const path = '/v1/default/transactions/only-messages/messages';
    const messages = [{ body: 1 }];
    await broker.call('POST', path, { producer: left.producer, sequence: 0, queue: 'held', messages });
    expect(await listed()).toContain('only-messages');
    await loseAlarmOf('default/only-messages');
    await evictCoordinator('only-messages');
    await broker.advance(2 * MINUTE_MS);
    await runCrons(1);
    expect(await left.state()).toMatchObject({ state: 'empty', last: { reason: 'timeout' } });
  });

  it('of an id that has had nothing open for an hour is not looked for', async () => {
    await broker.declare('quiet');
    const tx = await begin('quiet');
    expect(await listed(), 'nothing is open yet').not.toContain('quiet');
    await tx.send('quiet', 0, 1);
    await tx.end('commit');
    await broker.advance(50 * MINUTE_MS);
    await runCrons(1);
    expect(await listed()).toContain('quiet');
    await broker.advance(15 * MINUTE_MS);
    await evictCoordinator('quiet');
    await runCrons(1);
    expect(await listed()).not.toContain('quiet');
    await evictCoordinator('quiet');
    await tx.send('quiet', 0, 2);
    expect(await listed(), 'it is again once something is').toContain('quiet');
    await broker.advance(10 * MINUTE_MS);
    await runCrons(1);
    expect(await tx.state()).toMatchObject({ state: 'empty', last: { reason: 'timeout' } });
  });
});
