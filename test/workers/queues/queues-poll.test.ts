/** Polls of a queue that end while messages come: whatever was delivered to nobody is there again at once. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deliveries, SettledReply } from '../../../protocol/schemas/deliveries.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { randomFrom } from '../../crash/random.ts';
import { SEED } from '../../support/seed.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

/** Longer than any test: a message that is stuck is not freed by the end of its lease. */
const LEASE_MS = 3_600_000;

const declare = (queue: string, fields: object = {}) =>
  broker.call('PUT', `/v1/default/queues/${queue}`, { lease_ms: LEASE_MS, dead_letter: 'none', ...fields });
const publish = (queue: string, body: number) =>
  broker.call('POST', `/v1/default/queues/${queue}/messages`, { messages: [{ body }] });
const poll = async (queue: string, fields: object, signal?: AbortSignal): Promise<Deliveries['deliveries']> =>
  (await broker.call<Deliveries>('POST', `/v1/default/queues/${queue}/deliveries`, fields, {}, signal)).body
    .deliveries;
const stateOf = async (queue: string): Promise<QueueWithStateReply['state']> =>
  (await broker.call<QueueWithStateReply>('GET', `/v1/default/queues/${queue}`)).body.state;

/** Settles what was delivered, and gives the bodies of what this settled. */
async function acknowledge(queue: string, deliveries: Deliveries['deliveries']): Promise<unknown[]> {
  if (deliveries.length === 0) return [];
  const ack = deliveries.map(({ delivery_tag: tag }) => tag);
  const { body } = await broker.call<SettledReply>('POST', `/v1/default/queues/${queue}/settlements`, {
    ack,
  });
  return body.results.flatMap(({ outcome }, index) =>
    outcome === 'settled' ? [deliveries[index]!.body] : [],
  );
}

describe('a poll of a queue', () => {
  it('leaves no message leased that came as its time ended', async () => {
    await declare('ending');
    const rounds = 200;
    const settled: unknown[] = [];
    const random = randomFrom(SEED);
    const pollers = Array.from({ length: 4 }, async () => {
      while (settled.length < rounds) {
        const deliveries = await poll('ending', { max: 10, wait_ms: 1 + Math.floor(random() * 4) });
        settled.push(...(await acknowledge('ending', deliveries)));
      }
    });
    for (let body = 0; body < rounds; body++) await publish('ending', body);
    await Promise.all(pollers);
    expect(await stateOf('ending')).toMatchObject({ ready: 0, leased: 0 });
    expect(settled.toSorted((a, b) => Number(a) - Number(b))).toEqual([...Array(rounds).keys()]);
  }, 60_000);

  it('loses no message that came as its client left: at the latest the end of its lease brings it back', async () => {
    await declare('leaving', { lease_ms: 1_000 });
    const random = randomFrom(SEED);
    for (let body = 0; body < 100; body++) {
      const client = await rawPoll('leaving');
      await delay(random() * 8);
      client.resetAndDestroy();
      const [, deliveries] = await Promise.all([
        publish('leaving', body),
        poll('leaving', { wait_ms: 10_000 }),
      ]);
      expect(await acknowledge('leaving', deliveries)).toEqual([body]);
    }
  }, 60_000);

  it('gives back what is on its way when its time ends', async () => {
    await declare('late');
    await lag(LAG_MS);
    const answer = poll('late', { wait_ms: LAG_MS / 2 });
    await untilPolled('late');
    await publish('late', 1);
    expect(await answer).toEqual([]);
    await lag(0);
    await expectReturned('late');
  });

  it('gives back what is on its way when its client leaves', async () => {
    await declare('unheard');
    await lag(LAG_MS);
    const client = await rawPoll('unheard');
    await untilPolled('unheard');
    await publish('unheard', 1);
    client.resetAndDestroy();
    await lag(0);
    await expectReturned('unheard');
  });
});

/** Much longer than a publish takes, which comes before the wait ends, and what it causes after. */
const LAG_MS = 3_000;

async function untilPolled(queue: string): Promise<void> {
  await expect.poll(async () => (await stateOf(queue)).consumers, { timeout: 10_000 }).toBe(1);
}

const lag = (ms: number): Promise<unknown> => fetch(`${broker.url}/test/lag?ms=${ms}`);

/** The message was delivered once before, and is there long before the end of its lease. */
async function expectReturned(queue: string): Promise<void> {
  const deliveries = await poll(queue, { wait_ms: 20_000 });
  expect(deliveries).toMatchObject([{ body: 1, delivery_count: 2 }]);
  expect(await acknowledge(queue, deliveries)).toEqual([1]);
}

/** A poll whose connection can be reset. A client that only closes its half is not seen to leave until it is answered. */
async function rawPoll(queue: string): Promise<Socket> {
  const { hostname, port, pathname } = new URL(broker.url);
  const body = JSON.stringify({ wait_ms: 30_000 });
  const client = connect(Number(port), hostname);
  await once(client, 'connect');
  client.write(
    `POST ${pathname}/v1/default/queues/${queue}/deliveries HTTP/1.1\r\nHost: ${hostname}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return client;
}

it('refuses a poll by an id that looks like one of a stream', async () => {
  await declare('streams-only');
  const consumer_id = 'worker~0b0c7f6e-5a47-4d6b-9d5b-0d8f4a1c2e3f';
  const refused = await broker.call('POST', '/v1/default/queues/streams-only/deliveries', { consumer_id });
  expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_field' } });
});
