/** The SDK in workerd: the example worker, whose service binding leads to a real broker. */

import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleWorker } from '../../scripts/bundle.ts';
import { brokerForTests, numbers, readAll } from './harness.ts';

const broker = brokerForTests();
let worker: Miniflare;

beforeAll(async () => {
  const { host } = new URL(broker.url);
  worker = new Miniflare({
    modules: [
      { type: 'ESModule', path: 'index.mjs', contents: await bundleWorker('examples/orders-worker.ts') },
    ],
    compatibilityDate: '2026-07-30',
    serviceBindings: { POSTHORN: { external: { address: host, http: {} } } },
    telemetry: { enabled: false },
  });
  await worker.ready;
});
afterAll(() => worker.dispose());

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
