/** The SDK in workerd: the example worker, whose service binding leads to a real broker. */

import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startShop } from '../../examples/worker/shop.ts';
import { bundleWorker } from '../../scripts/broker/bundle.ts';
import { brokerForTests, numbers, readAll } from './harness.ts';

const broker = brokerForTests({ own: 'is reached by its host alone' });
let worker: Miniflare;
let consuming: Miniflare;
let grouped: Miniflare;

beforeAll(async () => {
  const { host } = new URL(broker.url);
  worker = await startShop({ url: broker.url });
  consuming = new Miniflare({
    modules: [
      { type: 'ESModule', path: 'index.mjs', contents: await bundleWorker('test/sdk/consuming-worker.ts') },
    ],
    compatibilityDate: '2026-07-30',
    serviceBindings: { POSTHORN: { external: { address: host, http: {} } } },
    telemetry: { enabled: false },
  });
  grouped = new Miniflare({
    modules: [
      {
        type: 'ESModule',
        path: 'index.mjs',
        contents: await bundleWorker('test/sdk/groups/group-worker.ts'),
      },
    ],
    compatibilityDate: '2026-07-30',
    serviceBindings: { POSTHORN: { external: { address: host, http: {} } } },
    telemetry: { enabled: false },
  });
  await Promise.all([consuming.ready, grouped.ready]);
});
afterAll(() => Promise.all([worker.dispose(), consuming.dispose(), grouped.dispose()]));

it('is a member of a group in workerd, through a service binding', async () => {
  const topic = await broker.topic(3);
  await using producer = broker.client().producer();
  await producer.sendBatch(
    topic,
    numbers(60).map((value) => ({ partition: value % 3, value })),
  );
  const reply = await grouped.dispatchFetch(`http://worker/?topic=${topic}&count=60`);
  const values = (await reply.json()) as number[];
  for (const partition of numbers(3)) {
    const ofPartition = values.filter((value) => value % 3 === partition);
    expect(ofPartition).toEqual(numbers(20).map((nth) => nth * 3 + partition));
  }
  expect(await broker.client().groups.describe('workers')).toMatchObject({
    state: 'empty',
    offsets: [{ lag: 0 }, { lag: 0 }, { lag: 0 }],
  });
});

it('consumes, asks and answers in workerd, on sockets through a service binding', async () => {
  const queue = await broker.queue();
  await using publisher = broker.client().publisher();
  await Promise.all(numbers(50).map((body) => publisher.sendToQueue(queue, { body })));
  const reply = await consuming.dispatchFetch(`http://worker/?queue=${queue}&count=50`);
  expect(await reply.json()).toEqual({
    looped: numbers(25),
    handled: numbers(25, 25),
    answer: 'pong',
    sockets: 3,
    polls: 0,
  });
  const { state } = await broker.client().queues.get(queue);
  expect(state).toMatchObject({ ready: 0, leased: 0, consumers: 0 });
});

it('produces and reads in workerd, through a service binding', async () => {
  const orders = numbers(30).map((i) => ({ customer: `customer-${i % 5}`, total: i }));
  const receipts: { partition: number; offset: number }[] = [];
  for (const order of orders) {
    const reply = await worker.dispatchFetch('http://shop/orders', {
      method: 'POST',
      body: JSON.stringify(order),
    });
    expect(reply.status).toBe(200);
    receipts.push((await reply.json()) as (typeof receipts)[number]);
  }
  const reply = await worker.dispatchFetch('http://shop/orders');
  const read = (await reply.json()) as typeof orders;
  expect(read).toHaveLength(30);
  for (const customer of new Set(orders.map((order) => order.customer))) {
    const ofCustomer = (order: (typeof orders)[number]): boolean => order.customer === customer;
    expect(read.filter(ofCustomer)).toEqual(orders.filter(ofCustomer));
  }
  expect(receipts[0]!.offset).toBe(0);
  expect(await readAll(broker.client(), 'orders')).toHaveLength(30);
});
