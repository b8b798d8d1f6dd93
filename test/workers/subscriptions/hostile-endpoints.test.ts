/** Endpoints that cannot be trusted or reached, on the real runtime: an attempt says why, and nothing is lost. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';
import type { Answer } from '../../support/clients/push-endpoint.ts';
import { SubscribedQueue } from '../../support/clients/subscribed-queue.ts';

const own = SubscribedQueue.forTests();

describe('an endpoint', () => {
  it('whose certificate nobody knows is a failed attempt, and the message a dead letter that says so', async () => {
    const folder = join(import.meta.dirname, '../../gateway/amqp/tls');
    const [key, cert] = ['key', 'cert'].map((part) => readFileSync(join(folder, `localhost.${part}.pem`)));
    const server = createServer({ key: key!, cert: cert! }, (_, response) => response.end('never read'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      await own.declare({ retry: { schedule_ms: [] } });
      await own.subscribe({ target: { url: `https://localhost:${port}/` } });
      await own.publish('secret');
      const [letter] = await own.untilLetters(1);
      expect(letter!.error.type).toBe('no_reply');
      expect(letter!.error.message).not.toBe('');
      expect(await own.attempts()).toMatchObject([{ status: null, outcome: 'failed' }]);
    } finally {
      server.close();
    }
  });

  it.each<[string, Answer]>([
    ['ten megabytes', (response) => void response.writeHead(200).end('x'.repeat(10_000_000))],
    [
      'half a reply',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('half');
        setTimeout(() => response.socket?.destroy(), 20);
      },
    ],
    ['a reply that never ends', (response) => void response.writeHead(200).write('x')],
  ])('that accepts with %s has the message, once', async (_, answer) => {
    await own.declare({ retry: { schedule_ms: [10] } });
    own.endpoint.answer = () => answer;
    await own.subscribe({ reply_timeout_ms: 500 });
    await own.publish('kept');
    await own.untilEmpty();
    expect(own.bodies()).toEqual(['kept']);
    expect(await own.attempts()).toMatchObject([{ status: 200, outcome: 'accepted', reply: null }]);
  });
});

describe('a broker that pushes to public addresses only', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start({ vars: { POSTHORN_WEBHOOK_TARGETS: 'public' } });
    await broker.call('PUT', '/v1/default/queues/q', {});
  });
  afterAll(() => broker.stop());

  it.each([
    'https://127.0.0.1/',
    'https://localhost/',
    'https://10.1.2.3/',
    'https://192.168.0.1:8443/',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/',
    'https://[fd00::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://0x7f000001/',
    'http://shop.example.com/',
  ])('refuses %s, as a target and as what gives out tokens', async (url) => {
    const put = (fields: object) =>
      broker.call('PUT', '/v1/default/subscriptions/s', {
        source: { queue: 'q' },
        target: { url },
        ...fields,
      });
    expect((await put({})).body.code).toBe('invalid_field');
    const oauth = { token_url: url, client_id: 'id', client_secret: 'secret' };
    const target = { url: 'https://shop.example.com/' };
    expect((await put({ target, oauth })).body.code).toBe('invalid_field');
    expect((await broker.call('GET', '/v1/default/subscriptions/s')).status).toBe(404);
  });
});
