/** What a gateway that stops waits for. */

import { describe, expect, it } from 'vitest';
import { BrokerClients } from '../../../../gateway/amqp/connection/broker-clients.ts';

describe('the clients of connections', () => {
  it('wait for what was published by a connection that has gone', async () => {
    const asked = Promise.withResolvers<void>();
    const reply = Promise.withResolvers<Response>();
    const clients = new BrokerClients({
      url: 'http://held.invalid',
      fetch: (address) => {
        if (address.endsWith('/producers')) return Promise.resolve(Response.json({ id: 1, epoch: 0 }));
        asked.resolve();
        return reply.promise;
      },
    });
    const client = clients.take('default', null);
    const stored = client.publisher.sendToQueue('q', { body: 'last words' });
    client.release();
    let hasFlushed = false;
    const flushed = clients.flush().then(() => (hasFlushed = true));
    await asked.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasFlushed).toBe(false);
    reply.resolve(Response.json({ count: 1, exceptions: [] }));
    await Promise.all([stored, flushed]);
  });
});
