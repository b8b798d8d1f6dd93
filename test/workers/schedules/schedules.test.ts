/** Schedules on the real runtime: each occurrence once, by the alarm, late, after an eviction and with targets in trouble. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type {
  ScheduleReply,
  ScheduleTriggered,
  ScheduleWithStateReply,
} from '../../../protocol/schemas/schedules.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let broker: TestBroker;
let names = 0;
/** Of the schedule, and of its queue. */
let name: string;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward' });
});
afterAll(() => broker.stop());
beforeEach(() => {
  name = `s${++names}`;
});

interface Peeked {
  messages: { body: unknown; headers: Record<string, string>; properties: { message_id: string } }[];
}

const path = (suffix = '') => `/v1/default/schedules/${name}${suffix}`;
const declareQueue = (fields: object = {}) => broker.call('PUT', `/v1/default/queues/${name}`, fields);
const put = (fields: object = {}) =>
  broker.call<ScheduleReply & ProblemDocument>('PUT', path(), {
    cron: '*/10 * * * *',
    target: { queue: name },
    message: { body: { report: 1 } },
    ...fields,
  });
const get = async () => (await broker.call<ScheduleWithStateReply>('GET', path())).body;
const messages = async (queue = name) =>
  (await broker.call<Peeked>('GET', `/v1/default/queues/${queue}/messages?max=100`)).body.messages;
const trigger = () => broker.call<ScheduleTriggered & ProblemDocument>('POST', path('/trigger'));

/** Puts the clock to just after the schedule's next occurrence, plus some time, and lets it run. */
async function toNext(moreMs = 0): Promise<number> {
  const { state } = await get();
  const nowMs = Number(await (await fetch(`${broker.url}/test/advance?ms=0`)).text()) + Date.now();
  await broker.advance(state.next! - nowMs + 100 + moreMs);
  await get();
  await until(async () => (await get()).state.pending === 0, 'the publish');
  return state.next!;
}

async function evict(id: number): Promise<void> {
  await broker.evictObject('Schedule', `default/${name}#${id}`);
}

describe('a schedule', () => {
  it('publishes at each occurrence, once, with a message id that says which', async () => {
    await declareQueue();
    expect((await put()).status).toBe(201);
    const { state } = await get();
    expect(state).toMatchObject({ last: null, pending: 0 });
    expect(state.next! % (10 * MINUTE_MS)).toBe(0);
    const first = await toNext();
    const second = await toNext();
    expect(second - first).toBe(10 * MINUTE_MS);
    const found = await messages();
    expect(found.map(({ body }) => body)).toEqual([{ report: 1 }, { report: 1 }]);
    const at = new Date(first).toISOString();
    expect(found[0]!.headers).toEqual({ 'posthorn-schedule': name, 'posthorn-scheduled-for': at });
    expect(found[0]!.properties.message_id).toMatch(
      new RegExp(`^${name}#\\d+@${at.replaceAll('.', '\\.')}$`),
    );
    const { last, next } = (await get()).state;
    expect(last).toMatchObject({ occurrence: second, by: 'cron', outcome: 'published' });
    expect(next).toBe(second + 10 * MINUTE_MS);
  });

  it('catches up with what it missed by one message, for the latest', async () => {
    await declareQueue();
    await put();
    const missed = await toNext(DAY_MS);
    const found = await messages();
    expect(found).toHaveLength(1);
    const occurrence = Date.parse(found[0]!.headers['posthorn-scheduled-for']!);
    expect(occurrence - missed).toBe(DAY_MS);
    await get();
    expect(await messages()).toHaveLength(1);
  });

  it('with catch_up none does not, but is not put off by an alarm that is a little late', async () => {
    await declareQueue();
    await put({ catch_up: 'none' });
    await toNext(DAY_MS);
    expect(await messages()).toHaveLength(0);
    await toNext(30_000);
    expect(await messages()).toHaveLength(1);
  });

  it('goes on after an eviction, and makes nothing twice', async () => {
    await declareQueue();
    const { topology_version: id } = (await put()).body;
    await toNext();
    await evict(id);
    await toNext();
    await evict(id);
    await get();
    expect(await messages()).toHaveLength(2);
  });

  it('is visited by the watchdog, should its alarm be lost', async () => {
    await declareQueue();
    await put();
    await broker.advance(20 * MINUTE_MS);
    await broker.broker.runCron();
    await until(async () => (await messages()).length === 1, 'the message');
  });

  it('tries again until the queue takes it, and holds what comes due meanwhile to one', async () => {
    await declareQueue({ max_length: 1, overflow: 'reject-publish' });
    await broker.call('POST', `/v1/default/queues/${name}/messages`, { messages: [{ body: 'full' }] });
    await put();
    const { next } = (await get()).state;
    await broker.advance(11 * MINUTE_MS);
    await get();
    await until(async () => (await get()).state.pending === 1, 'the refusal');
    await broker.advance(60 * MINUTE_MS);
    await get();
    await broker.call('POST', `/v1/default/queues/${name}/purge`);
    await broker.advance(11 * MINUTE_MS);
    await get();
    await until(async () => (await messages()).length === 1, 'the publish');
    expect(Date.parse((await messages())[0]!.headers['posthorn-scheduled-for']!)).toBe(next);
  });

  it('says why, and goes on, where its queue is gone', async () => {
    await declareQueue();
    await put();
    await broker.call('DELETE', `/v1/default/queues/${name}`);
    await toNext();
    expect((await get()).state.last).toMatchObject({ outcome: 'failed', code: 'queue_not_found' });
    await declareQueue();
    await toNext();
    expect(await messages()).toHaveLength(1);
  });

  it('publishes through an exchange, to queues once, and to topics', async () => {
    await declareQueue();
    await broker.declare(name, { partitions: 2 });
    await broker.call('PUT', `/v1/default/exchanges/${name}`, { type: 'topic' });
    for (const kind of ['queue', 'topic'] as const) {
      await broker.call('POST', `/v1/default/exchanges/${name}/bindings`, {
        destination: { kind, name },
        routing_key: 'reports.#',
      });
    }
    await put({ target: { exchange: name, routing_key: 'reports.daily' } });
    await toNext();
    expect(await messages()).toMatchObject([{ exchange: name, routing_key: 'reports.daily' }]);
    const records = await Promise.all([0, 1].map(async (n) => (await broker.fetch(name, n)).body.records));
    expect(records.flat().map(({ value }) => value)).toEqual([{ report: 1 }]);
    await put({ target: { exchange: name, routing_key: 'other' } });
    await toNext();
    expect((await get()).state.last).toMatchObject({ outcome: 'unroutable' });
  });

  it('publishes to a topic, to the partition of its key', async () => {
    await broker.declare(name, { partitions: 4, cleanup_policy: 'compact' });
    expect((await put({ target: { topic: name } })).body).toMatchObject({
      status: 400,
      code: 'key_required',
    });
    await put({ target: { topic: name, key: 'customer-7' } });
    await toNext();
    const where = (await broker.produce(name, [{ key: 'customer-7', value: 2 }])).body.offsets[0]!;
    const { records } = (await broker.fetch(name, where.partition)).body;
    expect(records.map(({ key, value }) => [key, value])).toEqual([
      ['customer-7', { report: 1 }],
      ['customer-7', 2],
    ]);
  });

  it('goes by the clock of its zone', async () => {
    await declareQueue();
    await put({ cron: '30 9 * * *', time_zone: 'America/New_York' });
    const clock = new Intl.DateTimeFormat('en', { timeZone: 'America/New_York', timeStyle: 'short' });
    expect(clock.format((await get()).state.next!)).toMatch(/^9:30/);
  });

  it('ends', async () => {
    await declareQueue();
    await put();
    const { next } = (await get()).state;
    await put({ ends_at: next! + MINUTE_MS });
    await toNext();
    expect((await get()).state.next).toBeNull();
    expect(await messages()).toHaveLength(1);
  });
});

describe('by hand', () => {
  it('a schedule is paused, resumed without catching up, and deleted', async () => {
    await declareQueue();
    await put();
    expect((await broker.call('POST', path('/pause'))).body).toMatchObject({ is_paused: true });
    expect((await put()).body, 'a declaration does not resume it').toMatchObject({ is_paused: true });
    expect((await get()).state.next).toBeNull();
    await broker.advance(DAY_MS);
    await get();
    expect((await broker.call('POST', path('/resume'))).body).toMatchObject({ is_paused: false });
    expect((await get()).state.next).not.toBeNull();
    expect(await messages()).toHaveLength(0);
    expect((await broker.call('DELETE', path())).status).toBe(200);
    expect((await broker.call('GET', path())).body.code).toBe('schedule_not_found');
    await broker.advance(DAY_MS);
    expect(await messages()).toHaveLength(0);
  });

  it('a schedule is triggered, even while it is paused, and keeps its times', async () => {
    await declareQueue();
    await put();
    const { next } = (await get()).state;
    const { body } = await trigger();
    expect(body).toMatchObject({ schedule: name, outcome: 'published' });
    expect((await messages())[0]!.properties.message_id).toBe(body.message_id);
    await broker.call('POST', path('/pause'));
    await trigger();
    await broker.call('POST', path('/resume'));
    expect(await messages()).toHaveLength(2);
    expect((await get()).state).toMatchObject({ next, last: { by: 'trigger' } });
    await toNext();
    expect(await messages()).toHaveLength(3);
    await broker.call('DELETE', `/v1/default/queues/${name}`);
    expect((await trigger()).body).toMatchObject({ outcome: 'failed', code: 'queue_not_found' });
  });

  it('schedules are listed', async () => {
    await declareQueue();
    await put();
    const { body } = await broker.call<{ schedules: ScheduleReply[] }>('GET', '/v1/default/schedules');
    expect(body.schedules.find(({ schedule }) => schedule === name)).toEqual({
      schedule: name,
      cron: '*/10 * * * *',
      time_zone: 'UTC',
      target: { queue: name },
      message: { body: { report: 1 } },
      catch_up: 'once',
      ends_at: null,
      is_paused: false,
    });
  });

  it.each([
    ['a cron of six fields', { cron: '* * * * * *' }, 'invalid_field', 'five fields'],
    ['a minute that there is not', { cron: '61 * * * *' }, 'invalid_field', '61'],
    ['a day that never comes', { cron: '0 0 30 2 *' }, 'invalid_field', 'never|no time'],
    ['an unknown zone', { time_zone: 'Mars/Base' }, 'invalid_field', 'Mars/Base'],
    ['an end that is past', { ends_at: 1_000 }, 'invalid_field', 'is past'],
    ['an unknown queue', { target: { queue: 'nowhere' } }, 'queue_not_found', 'nowhere'],
    ['an unknown topic', { target: { topic: 'nowhere' } }, 'topic_not_found', 'nowhere'],
    ['an unknown exchange', { target: { exchange: 'nowhere' } }, 'exchange_not_found', 'nowhere'],
    ['no target', { target: {} }, 'invalid_field', 'target'],
    [
      'an id of its own',
      { message: { body: 1, properties: { message_id: 'x' } } },
      'unknown_field',
      'message_id',
    ],
    ['a long message', { message: { body: 'x'.repeat(70_000) } }, 'record_too_large', '65536'],
  ])('one with %s is refused', async (_, fields, code, text) => {
    await declareQueue();
    const { body } = await put(fields);
    expect(body).toMatchObject({ code });
    expect(body.detail).toMatch(new RegExp(text));
    expect((await broker.call('GET', path())).body.code).toBe('schedule_not_found');
  });
});
