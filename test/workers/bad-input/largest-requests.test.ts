/** The largest requests that are allowed: served, or refused for good, never told to try again. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';

/** Just below the limit of a request, in characters that are one byte each but for the first: in memory two each. */
const almost16MiB = (parts: number): string => `→${'x'.repeat(Math.floor(16_500_000 / parts) - 100)}`;

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its memory is filled' });
  await broker.call('PUT', '/v1/default/queues/large', {});
  await broker.call('PUT', '/v1/default/exchanges/large', { type: 'headers' });
});
afterAll(() => broker.stop());

it('settles with 16 MB of errors in a script that takes two bytes a character', async () => {
  const messages = Array.from({ length: 100 }, () => ({ body: 1 }));
  await broker.call('POST', '/v1/default/queues/large/messages', { messages });
  const taken = await broker.call<{ deliveries: { delivery_tag: string }[] }>(
    'POST',
    '/v1/default/queues/large/deliveries',
    { max: 100 },
  );
  const nack = taken.body.deliveries.map(({ delivery_tag: tag }) => ({
    tag,
    error: { message: almost16MiB(100) },
  }));
  const settled = await broker.call<{ results: { outcome: string }[] }>(
    'POST',
    '/v1/default/queues/large/settlements',
    { nack },
  );
  expect([settled.status, settled.body.results.length]).toEqual([200, 100]);
  expect(new Set(settled.body.results.map(({ outcome }) => outcome)).size).toBe(1);
});

it('makes 4,000 bindings of 4,000 characters each, one of them beyond Latin-1', async () => {
  const bindings = Array.from({ length: 4_000 }, (_, number) => ({
    source: 'large',
    destination: { kind: 'queue', name: 'large' },
    arguments: { number: String(number), text: `→${'x'.repeat(3_900)}` },
  }));
  const made = await broker.call<{ ids: string[] }>('POST', '/v1/default/bindings', { bindings });
  expect([made.status, made.body.ids?.length]).toEqual([200, 4_000]);
});

it('refuses for good what no call between objects or row can hold', async () => {
  const text = almost16MiB(1);
  const refused = async (method: string, path: string, body: object): Promise<unknown[]> => {
    const send = () => broker.call(method, `/v1/default/${path}`, body, { connection: 'close' });
    // On a busy machine the broker may close a connection that was kept while the body is on its way.
    const reply = await send().catch(send);
    return [reply.status, reply.body.code, reply.body.retryable];
  };
  expect(
    await refused('PUT', 'schedules/large', {
      cron: '0 0 1 1 *',
      target: { queue: 'large' },
      message: { body: text },
    }),
  ).toEqual([413, 'record_too_large', false]);
  for (const filter of [{ error_type: text }, { key: text }, { routing_key: text }]) {
    expect(await refused('POST', 'queues/large/dead-letters/replay', { filter })).toEqual([
      400,
      'invalid_field',
      false,
    ]);
  }
});
