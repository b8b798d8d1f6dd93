/** A broker with something to see: orders that died, a queue that is paused, one that nobody reads, a topic, and one of each other thing. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { startBroker, type Broker } from '../../../scripts/broker/broker.ts';

export interface Seeded {
  readonly broker: Broker;
  call: <Reply>(method: string, path: string, body?: object) => Promise<Reply>;
  stop: () => Promise<void>;
}

export async function startSeeded(): Promise<Seeded> {
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-dashboard-'));
  const broker = await startBroker({ dataPath });
  const call = async <Reply>(method: string, path: string, body?: object): Promise<Reply> => {
    const reply = await fetch(`${broker.url}/v1/default/${path}`, {
      method,
      // The runtime closes idle connections just when a request may be sent on one.
      headers: { connection: 'close' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
    return (await reply.json()) as Reply;
  };
  await fill(call);
  const stop = async (): Promise<void> => {
    await broker.stop();
    await rm(dataPath, { recursive: true, force: true });
  };
  return { broker, call, stop };
}

const ORDERS = 24;

async function fill(call: Seeded['call']): Promise<void> {
  await call('PUT', 'queues/orders', { retry: { schedule_ms: [0, 0] } });
  for (const queue of ['invoices', 'mails', 'thumbnails']) await call('PUT', `queues/${queue}`, {});
  await call('POST', 'queues/orders/messages', {
    messages: Array.from({ length: ORDERS }, (_, n) => ({
      body: { order: 1_700 + n, customer: `c-${n % 5}`, amount: n % 3 === 0 ? 'ten' : 10 + n },
      headers: { tenant: 'acme', trace: `t-${n}` },
      properties: { message_id: `order-${n}` },
    })),
  });
  for (let attempt = 0; attempt < 3; attempt++) {
    const { deliveries } = await call<{ deliveries: { delivery_tag: string; body: { amount: unknown } }[] }>(
      'POST',
      'queues/orders/deliveries',
      { max: ORDERS, consumer_id: 'worker-1', wait_ms: 1_000 },
    );
    const tagsOf = (isBad: boolean): string[] =>
      deliveries
        .filter(({ body }) => (typeof body.amount === 'string') === isBad)
        .map(({ delivery_tag: tag }) => tag);
    await call('POST', 'queues/orders/settlements', {
      ack: tagsOf(false),
      nack: tagsOf(true).map((tag) => ({ tag, delay_ms: 0, error: ERROR })),
    });
  }
  await call('POST', 'queues/mails/messages', {
    messages: [{ body: 'Hello', headers: { to: 'a@example.com' } }],
  });
  await call('POST', 'queues/invoices/messages', { messages: [{ body: { invoice: 1 } }] });
  await call('POST', 'queues/invoices/pause');
  await call('PUT', 'topics/clicks', { partitions: 3 });
  await call('POST', 'topics/clicks/records', {
    records: Array.from({ length: 60 }, (_, n) => ({
      key: `user-${n % 7}`,
      value: { page: `/products/${n}`, ms: 20 + n },
    })),
  });
  await fillSections(call);
  while ((await call<QueueWithStateReply>('GET', 'queues/orders')).state.outgoing > 0);
}

/** A hundred thousand dead letters, which takes about a minute. */
export async function fillWithDeadLetters({ call }: Seeded): Promise<void> {
  await call('PUT', 'queues/returns', { retry: { schedule_ms: [] } });
  for (let sent = 0; sent < 100_000; sent += 10_000) {
    await call('POST', 'queues/returns/messages', {
      messages: Array.from({ length: 10_000 }, (_, n) => ({ body: { return: sent + n } })),
    });
    const { deliveries } = await call<{ deliveries: { delivery_tag: string }[] }>(
      'POST',
      'queues/returns/deliveries',
      { max: 10_000 },
    );
    await call('POST', 'queues/returns/settlements', {
      reject: deliveries.map(({ delivery_tag: tag }, n) => ({ tag, error: ERRORS[n % 3] })),
    });
  }
  const endMs = performance.now() + 60_000;
  while ((await call<QueueWithStateReply>('GET', 'queues/returns.dlq')).state.ready < 100_000) {
    if (performance.now() > endMs) throw new Error('the dead letters did not all come');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const ERRORS = [
  { type: 'TypeError', message: 'no number' },
  { type: 'RangeError', message: 'too many' },
  { type: 'NotFound', message: 'no such customer' },
];

async function fillSections(call: Seeded['call']): Promise<void> {
  await call('PUT', 'exchanges/shop', { type: 'topic' });
  await call('PUT', 'exchanges/countries', { type: 'direct' });
  const bindings = [
    ['shop', 'queue', 'orders', 'order.*'],
    ['shop', 'queue', 'mails', 'order.paid'],
    ['shop', 'queue', 'invoices', '*.paid'],
    ['shop', 'topic', 'clicks', '#'],
    ['shop', 'exchange', 'countries', 'parcel.#'],
    ['countries', 'queue', 'thumbnails', 'parcel.de'],
  ].map(([source, kind, name, key]) => ({ source, destination: { kind, name }, routing_key: key }));
  await call('POST', 'bindings', { bindings });
  const { member_id: member, epoch } = await call<{ member_id: string; epoch: number }>(
    'POST',
    'groups/reports/members',
    { topics: ['clicks'], session_timeout_ms: 300_000 },
  );
  await call('POST', 'groups/reports/offsets', {
    member_id: member,
    epoch,
    offsets: [0, 1, 2].map((partition) => ({ topic: 'clicks', partition, offset: partition === 0 ? 0 : 3 })),
  });
  await call('PUT', 'schedules/nightly', {
    cron: '0 3 * * *',
    target: { queue: 'mails' },
    message: { body: { report: 'daily' } },
  });
  // Nothing listens there.
  await call('PUT', 'queues/parcels', { dead_letter: 'none' });
  await call('PUT', 'subscriptions/shipping', {
    source: { queue: 'parcels' },
    target: { url: 'http://127.0.0.1:9/parcels' },
  });
  await call('PUT', 'hooks/repository', { target: { queue: 'parcels' }, scheme: 'github' });
  await call('PUT', 'policies/limits', { pattern: '*', definition: { max_length: 100_000 } });
  await call('PUT', 'alerts/deep', {
    pattern: 'mails*',
    metric: 'depth',
    threshold: 1_000,
    webhook: { url: 'https://example.com/alerts' },
  });
  await call('PUT', 'limits', { rows_written_per_hour: 100_000 });
  await call('POST', 'queues/thumbnails/messages', {
    messages: [{ body: 'later', properties: { delay_ms: 3_600_000, message_id: 'later-1' } }],
  });
}

const ERROR = {
  type: 'TypeError',
  message: 'amount is no number: "ten"',
  stack_trace:
    'TypeError: amount is no number: "ten"\n    at priceOf (orders.js:17:11)\n    at handle (orders.js:42:5)',
};
