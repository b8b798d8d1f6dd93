/**
 * A Worker that uses the SDK through a service binding, without leaving Cloudflare's network.
 *
 *   POST /orders  {"customer": "customer-7", "total": 12}   stores the order, answers where
 *   GET  /orders                                            all orders so far
 *
 * wrangler.toml beside it has the binding, and says where the token comes from. `npm run example -- worker` runs it on this machine.
 */

import { Posthorn } from '../../sdk/index.ts';

interface Env {
  POSTHORN: Fetcher;
  /** A secret. Only a local broker does without. */
  POSTHORN_TOKEN?: string;
}

interface Order {
  customer: string;
  total: number;
}

export default {
  async fetch(request, env) {
    // A client for each request: the runtime does not let requests share what is under way. A local broker
    // without a token wants a host of this machine.
    const posthorn = new Posthorn({
      url: 'https://posthorn.localhost',
      ...(env.POSTHORN_TOKEN && { token: env.POSTHORN_TOKEN }),
      fetch: (url, init) => env.POSTHORN.fetch(url, init),
    });

    if (request.method === 'POST') {
      const order = await request.json<Order>();
      await posthorn.topics.declare('orders', { partitions: 3 });
      await using producer = posthorn.producer({ lingerMs: 0 });
      return Response.json(await producer.send('orders', { key: order.customer, value: order }));
    }

    const orders: (Order | null)[] = [];
    for await (const record of posthorn.reader('orders', { follow: false }))
      orders.push(record.json<Order>());
    return Response.json(orders);
  },
} satisfies ExportedHandler<Env>;
