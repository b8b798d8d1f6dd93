/** Runs the Worker of this folder beside a broker, as `wrangler dev` does it: two Workers and a service binding. */

import { Miniflare } from 'miniflare';
import { bundleWorker } from '../../scripts/broker/bundle.ts';
import type { BrokerAddress } from '../../scripts/broker/own-broker.ts';
import { conclude, type ExampleContext } from '../example.ts';

const ORDERS = [
  { customer: 'customer-7', total: 12 },
  { customer: 'customer-9', total: 30 },
  { customer: 'customer-7', total: 5 },
];

/** A Worker whose binding POSTHORN leads to the broker. Dispose it when done. */
export async function startShop({ url, token }: BrokerAddress): Promise<Miniflare> {
  const worker = new Miniflare({
    modules: [
      { type: 'ESModule', path: 'index.mjs', contents: await bundleWorker('examples/worker/worker.ts') },
    ],
    compatibilityDate: '2026-07-30',
    ...(token && { bindings: { POSTHORN_TOKEN: token } }),
    serviceBindings: { POSTHORN: { external: { address: new URL(url).host, http: {} } } },
    telemetry: { enabled: false },
  });
  await worker.ready;
  return worker;
}

export async function shop({ broker, say }: ExampleContext): Promise<boolean> {
  const worker = await startShop(broker);
  try {
    for (const order of ORDERS) {
      const reply = await worker.dispatchFetch('http://shop/orders', {
        method: 'POST',
        body: JSON.stringify(order),
      });
      say(`POST /orders ${JSON.stringify(order)} -> ${await reply.text()}`);
    }
    const reply = await worker.dispatchFetch('http://shop/orders');
    const text = await reply.text();
    say(`GET /orders -> ${text}`);
    const totals = (JSON.parse(text) as { total: number }[]).map(({ total }) => total);
    return conclude(say, [
      {
        claim: 'the Worker stored and read every order',
        holds: ORDERS.every(({ total }) => totals.includes(total)),
      },
    ]);
  } finally {
    await worker.dispose();
  }
}
