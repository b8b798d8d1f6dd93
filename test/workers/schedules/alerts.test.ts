/** Alerts against a real receiver: what is sent, once, in order, signed, and after every kind of trouble. */

import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AlertNotice, AlertReply } from '../../../protocol/schemas/alerts.ts';
import type { QueueReply, QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { until, WebhookReceiver } from '../../support/clients/webhook-receiver.ts';

const MINUTE_MS = 60_000;
const SECRET = `whsec_${Buffer.from('a secret of at least 24 bytes').toString('base64')}`;

let broker: TestBroker;
let receiver: WebhookReceiver<AlertNotice>;
let names = 0;
let queue: string;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
});
afterAll(() => broker.stop());
beforeEach(async () => {
  receiver = await WebhookReceiver.start();
  queue = `q${++names}`;
});
afterEach(async () => {
  await broker.call('DELETE', `/v1/default/alerts/${queue}`);
  await receiver.stop();
});

const declareQueue = (fields: object = {}) => broker.call('PUT', `/v1/default/queues/${queue}`, fields);
const putAlert = (fields: object) =>
  broker.call<AlertReply>('PUT', `/v1/default/alerts/${queue}`, {
    pattern: queue,
    metric: 'depth',
    threshold: 2,
    webhook: { url: receiver.url, secret: SECRET },
    ...fields,
  });
const publish = (count: number) =>
  broker.call('POST', `/v1/default/queues/${queue}/messages`, {
    messages: Array.from({ length: count }, (_, body) => ({ body })),
  });
const take = async (max: number): Promise<string[]> => {
  const { body } = await broker.call<{ deliveries: { delivery_tag: string }[] }>(
    'POST',
    `/v1/default/queues/${queue}/deliveries`,
    { max },
  );
  return body.deliveries.map(({ delivery_tag }) => delivery_tag);
};
const ack = async (max: number) =>
  await broker.call('POST', `/v1/default/queues/${queue}/settlements`, { ack: await take(max) });
const state = async () =>
  (await broker.call<QueueWithStateReply>('GET', `/v1/default/queues/${queue}`)).body.state;
const phase = async () => (await state()).alerts[0]?.state;
const types = () => receiver.taken.map(({ body }) => body.type);

/** Takes the queue's object out of memory. */
async function evict(): Promise<void> {
  const { body } = await broker.call<QueueReply>('GET', `/v1/default/queues/${queue}`);
  await broker.evictObject('Queue', `default/${queue}#${queueIds.get(queue) ?? body.topology_version}`);
}
const queueIds = new Map<string, number>();
const declareKept = async (fields: object = {}) => {
  const { body } = await broker.call<QueueReply>('PUT', `/v1/default/queues/${queue}`, fields);
  queueIds.set(queue, body.topology_version);
};

/** As a receiver that knows the specification does it. */
function isSigned({ headers, text }: (typeof receiver.received)[number]): boolean {
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
  const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${text}`;
  const expected = `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
  return headers['webhook-signature'] === expected;
}

/** First, because a clock that was put forward is put forward for the platform's alarms too. */
describe('by the alarm alone', () => {
  it('a rule fires that waits for its duration', async () => {
    await declareQueue();
    await putAlert({ for_ms: 1_500 });
    await publish(3);
    await receiver.untilTaken(1);
  });

  it('a rule fires whose message has become too old, and recovers when it is gone', async () => {
    await declareQueue();
    await putAlert({ metric: 'oldest_age_ms', threshold: 1_000 });
    await publish(1);
    const [fired] = await receiver.untilTaken(1);
    expect(fired!.body.data.value).toBeGreaterThan(1_000);
    await ack(1);
    await receiver.untilTaken(2);
    expect(types()).toEqual(['alert.firing', 'alert.recovered']);
  });
});

describe('by the alarm alone too', () => {
  it('a notice is sent again', async () => {
    await declareQueue();
    await putAlert({});
    receiver.answer = { status: 500 };
    await publish(3);
    await receiver.untilReceived(1);
    receiver.answer = { status: 204 };
    const [first, again] = await receiver.untilReceived(2);
    expect(again!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(again!.text).toBe(first!.text);
    expect(isSigned(again!)).toBe(true);
  });
});

describe('an alert on depth', () => {
  it('fires once, is signed, and says when it has recovered', async () => {
    await declareQueue();
    expect((await putAlert({})).status).toBe(201);
    await publish(2);
    expect(await phase()).toBe('ok');
    await publish(1);
    const [fired] = await receiver.untilTaken(1);
    expect(fired!.body).toMatchObject({
      type: 'alert.firing',
      data: { alert: queue, namespace: 'default', queue, metric: 'depth', threshold: 2, for_ms: 0, value: 3 },
    });
    expect(new Date(fired!.body.timestamp).toISOString()).toBe(fired!.body.timestamp);
    expect(isSigned(fired!)).toBe(true);
    expect(fired!.headers['content-type']).toBe('application/json');
    await publish(5);
    expect(await phase()).toBe('firing');
    await broker.advance(2_000);
    await ack(7);
    const [, recovered] = await receiver.untilTaken(2);
    expect(recovered!.body).toMatchObject({
      type: 'alert.recovered',
      data: { reason: 'below_threshold', value: 1, since: fired!.body.data.since },
    });
    expect(isSigned(recovered!)).toBe(true);
    expect(recovered!.headers['webhook-id']).not.toBe(fired!.headers['webhook-id']);
    expect(await phase()).toBe('ok');
    expect(receiver.received).toHaveLength(2);
  });

  it('waits for its duration, begins anew where it was below, and is not put off by an eviction', async () => {
    await declareKept();
    await putAlert({ for_ms: 10 * MINUTE_MS });
    await publish(3);
    expect(await phase()).toBe('pending');
    await broker.advance(9 * MINUTE_MS);
    await ack(3);
    expect(await phase()).toBe('ok');
    await broker.advance(2_000);
    await publish(3);
    await broker.advance(9 * MINUTE_MS);
    expect(await phase()).toBe('pending');
    await evict();
    await broker.advance(2 * MINUTE_MS);
    expect(await phase()).toBe('firing');
    const [fired] = await receiver.untilTaken(1);
    expect(Date.parse(fired!.body.timestamp) - Date.parse(fired!.body.data.since)).toBeGreaterThanOrEqual(
      10 * MINUTE_MS,
    );
    expect(types()).toEqual(['alert.firing']);
  });

  it('costs no row more while nothing crosses the threshold', async () => {
    await declareQueue();
    await putAlert({ threshold: 1_000 });
    await publish(1);
    await ack(1);
    const { rows_written: before } = (await state()).meter;
    for (let i = 0; i < 10; i++) {
      await publish(1);
      await ack(1);
    }
    expect((await state()).meter.rows_written - before).toBeLessThanOrEqual(30);
  });

  it('of a metric that swings changes its state once a second at most', async () => {
    await declareQueue();
    await putAlert({ threshold: 0, for_ms: 10 * MINUTE_MS });
    await publish(1);
    await ack(1);
    const { rows_written: before } = (await state()).meter;
    for (let i = 0; i < 10; i++) {
      await publish(1);
      await ack(1);
    }
    const rows = (await state()).meter.rows_written - before;
    expect(rows, 'three each, and a few for the transitions').toBeLessThanOrEqual(30 + 15);
  });
});

describe('an alert on the age of the oldest message', () => {
  it('looks at the next message when the oldest is settled', async () => {
    await declareQueue();
    await putAlert({ metric: 'oldest_age_ms', threshold: 10 * MINUTE_MS });
    await publish(1);
    await broker.advance(6 * MINUTE_MS);
    await publish(1);
    await ack(1);
    await broker.advance(6 * MINUTE_MS);
    expect(await phase()).toBe('ok');
    await broker.advance(5 * MINUTE_MS);
    expect(await phase()).toBe('firing');
    await receiver.untilTaken(1);
  });

  it('sees a message that comes back from a lease', async () => {
    await declareQueue({ lease_ms: 5 * MINUTE_MS });
    await putAlert({ metric: 'oldest_age_ms', threshold: 8 * MINUTE_MS });
    await publish(1);
    expect(await take(1)).toHaveLength(1);
    await broker.advance(4 * MINUTE_MS);
    await publish(1);
    await broker.advance(2 * MINUTE_MS);
    expect(await phase()).toBe('ok');
    await broker.advance(3 * MINUTE_MS);
    expect(await phase()).toBe('firing');
  });
});

describe('an alert on the rate of dead letters', () => {
  it('counts those of a minute, also across an eviction, and recovers by time', async () => {
    await declareKept({ dead_letter: { queue: 'graveyard' } });
    await putAlert({ metric: 'dead_letter_rate', threshold: 3 });
    const reject = async (count: number) => {
      await publish(count);
      const reject = (await take(count)).map((tag) => ({ tag }));
      await broker.call('POST', `/v1/default/queues/${queue}/settlements`, { reject });
    };
    await reject(2);
    await evict();
    await reject(1);
    expect(await phase()).toBe('ok');
    await reject(1);
    const [fired] = await receiver.untilTaken(1);
    expect(fired!.body.data).toMatchObject({ metric: 'dead_letter_rate', value: 4 });
    await broker.advance(70_000);
    expect(await phase()).toBe('ok');
    await receiver.untilTaken(2);
    expect(types()).toEqual(['alert.firing', 'alert.recovered']);
  });
});

describe('a notice', () => {
  it('is sent again with the same id until the receiver takes it, an hour later and after a restart', async () => {
    await declareQueue();
    await putAlert({});
    receiver.answer = { status: 503 };
    await publish(3);
    await receiver.untilReceived(1);
    for (let minutes = 0; minutes < 60; minutes += 10) {
      const before = receiver.received.length;
      await broker.advance(10 * MINUTE_MS);
      await state();
      await until(() => receiver.received.length > before, 'another attempt');
    }
    await ack(3);
    await broker.restart();
    receiver.answer = { status: 200 };
    await broker.advance(12 * 60 * MINUTE_MS); // a new runtime begins with the real time
    await state();
    await receiver.untilTaken(2);
    expect(types(), 'in order').toEqual(['alert.firing', 'alert.recovered']);
    const ids = new Set(receiver.received.map(({ headers }) => headers['webhook-id']));
    expect(ids.size).toBe(2);
    expect(receiver.received.every(isSigned)).toBe(true);
    expect((await state()).alerts[0]!.undelivered).toBe(0);
  });

  it('honours Retry-After', async () => {
    await declareQueue();
    await putAlert({});
    receiver.answer = { status: 429, headers: { 'retry-after': '1200' } };
    await publish(3);
    await receiver.untilReceived(1);
    await until(async () => (await state()).alerts[0]?.undelivered === 1, 'the notice to wait');
    receiver.answer = { status: 200 };
    await broker.advance(19 * MINUTE_MS);
    await state();
    await publish(1);
    expect(receiver.received).toHaveLength(1);
    await broker.advance(2 * MINUTE_MS);
    await state();
    await receiver.untilTaken(1);
  });

  it('follows no redirect, and is given up where the receiver says 410', async () => {
    const elsewhere = await WebhookReceiver.start();
    await declareQueue();
    await putAlert({});
    receiver.answer = { status: 307, headers: { location: elsewhere.url } };
    await publish(3);
    await receiver.untilReceived(1);
    receiver.answer = { status: 410 };
    await until(async () => (await state()).alerts[0]?.undelivered === 1, 'the notice to wait');
    await broker.advance(MINUTE_MS);
    await state();
    await receiver.untilReceived(2);
    await until(async () => (await state()).alerts[0]?.undelivered === 0, 'the notice to go');
    expect(elsewhere.received).toEqual([]);
    await elsewhere.stop();
  });
});

describe('rules', () => {
  it('apply to queues that are declared later, and to many by a pattern', async () => {
    await putAlert({ pattern: `${queue}*` });
    await declareQueue();
    await broker.call('PUT', `/v1/default/queues/${queue}.more`, {});
    await publish(3);
    const [fired] = await receiver.untilTaken(1);
    expect(fired!.body.data.queue).toBe(queue);
    const { body } = await broker.call<QueueWithStateReply>('GET', `/v1/default/queues/${queue}.more`);
    expect(body.state.alerts).toEqual([{ alert: queue, state: 'ok', since: null, undelivered: 0 }]);
  });

  it('that are deleted while they fire say so once, and are gone', async () => {
    await declareQueue();
    await putAlert({});
    await publish(3);
    await receiver.untilTaken(1);
    expect((await broker.call('DELETE', `/v1/default/alerts/${queue}`)).status).toBe(200);
    const [, last] = await receiver.untilTaken(2);
    expect(last!.body).toMatchObject({ type: 'alert.recovered', data: { reason: 'rule_deleted', value: 3 } });
    await publish(3);
    expect((await state()).alerts).toEqual([]);
    expect(receiver.received).toHaveLength(2);
    await putAlert({});
    await receiver.untilTaken(3);
    expect(types()[2], 'made again it begins anew').toBe('alert.firing');
  });

  it('that are changed are looked at again at once', async () => {
    await declareQueue();
    await putAlert({ threshold: 10 });
    await publish(3);
    expect((await putAlert({ threshold: 1 })).status).toBe(200);
    await receiver.untilTaken(1);
    await broker.advance(2_000);
    await putAlert({ threshold: 100 });
    await receiver.untilTaken(2);
    expect(types()).toEqual(['alert.firing', 'alert.recovered']);
  });

  it('show a secret that was made for them once, and never one that they were given', async () => {
    const webhook = { url: receiver.url };
    const made = await putAlert({ webhook });
    expect(made.body.webhook.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const again = await putAlert({ webhook });
    expect(again.status).toBe(200);
    expect(again.body.webhook).toEqual(webhook);
    expect((await putAlert({})).body.webhook).toEqual(webhook);
    const path = '/v1/default/alerts';
    const shown = [
      (await broker.call('GET', `${path}/${queue}`)).body,
      (await broker.call('GET', path)).body,
    ];
    expect(JSON.stringify(shown)).not.toContain('whsec_');
    expect(shown[0]).toMatchObject({ alert: queue, metric: 'depth', threshold: 2, for_ms: 0, webhook });
  });

  it.each([
    ['a metric that there is not', { metric: 'speed' }, 'invalid_field'],
    ['a threshold below nothing', { threshold: -1 }, 'invalid_field'],
    ['a pattern that is none', { pattern: 'a\tb' }, 'invalid_field'],
    ['an address that is none', { webhook: { url: 'nowhere' } }, 'invalid_field'],
    ['another scheme', { webhook: { url: 'ftp://example.com' } }, 'invalid_field'],
    ['a password in the address', { webhook: { url: 'https://a:b@example.com' } }, 'invalid_field'],
    ['a short secret', { webhook: { url: 'https://example.com', secret: 'whsec_AAAA' } }, 'invalid_field'],
    ['a field that there is not', { more: 1 }, 'unknown_field'],
  ])('are refused with %s', async (_, fields, code) => {
    const { body } = await broker.call('PUT', `/v1/default/alerts/${queue}`, {
      pattern: queue,
      metric: 'depth',
      threshold: 2,
      webhook: { url: receiver.url },
      ...fields,
    });
    expect(body).toMatchObject({ status: 400, code });
    expect((await broker.call('GET', `/v1/default/alerts/${queue}`)).body.code).toBe('alert_not_found');
  });
});
