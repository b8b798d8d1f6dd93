/** Messages that an AMQP client requeues for ever, and what it does at the end of its connection. */

import type { Channel, GetMessage } from 'amqplib';
import { expect, it } from 'vitest';
import { amqpGatewayForTests } from './support/amqp-gateway.ts';

const ROUNDS = 3_000;

const gateway = amqpGatewayForTests();

const stateOf = async (queue: string): Promise<object> =>
  (await gateway.broker.call<{ state: object }>('GET', `/v1/default/queues/${queue}`)).body.state;

async function filled(queue: string, count: number, options: object = {}): Promise<Channel> {
  const channel = await gateway.connection.createConfirmChannel();
  await channel.assertQueue(queue, options);
  for (let at = 0; at < count; at++) channel.sendToQueue(queue, Buffer.from(String(at)));
  await channel.waitForConfirms();
  await channel.prefetch(1);
  return channel;
}

it(`a message that is requeued ${ROUNDS} times comes back each time, before those behind it`, async () => {
  const channel = await filled('endless', 2);
  const seen: string[] = [];
  const { promise: over, resolve } = Promise.withResolvers<void>();
  await channel.consume('endless', (message) => {
    const text = String(message!.content);
    seen.push(text);
    if (seen.length < ROUNDS) return channel.nack(message!, false, true);
    channel.ack(message!);
    if (text === '1') resolve();
  });
  await over;
  expect(seen).toHaveLength(ROUNDS + 1);
  expect(seen.slice(0, ROUNDS).every((text) => text === '0')).toBe(true);
  await expect.poll(() => stateOf('endless')).toMatchObject({ ready: 0, leased: 0, parked: 0 });
});

it('a delivery limit ends that', async () => {
  const channel = await filled('limited', 1, { arguments: { 'x-delivery-limit': 5 } });
  let deliveries = 0;
  await channel.consume('limited', (message) => {
    deliveries++;
    channel.nack(message!, false, true);
  });
  await expect.poll(() => stateOf('limited')).toMatchObject({ ready: 0, leased: 0, parked: 0 });
  expect(deliveries).toBe(6);
});

it('what was got and acknowledged just before the connection ends does not come back', async () => {
  await filled('last-words', 50);
  const other = await gateway.open();
  const channel = await other.createChannel();
  const got: GetMessage[] = [];
  for (let at = 0; at < 50; at++) got.push((await channel.get('last-words')) as GetMessage);
  for (const message of got.slice(0, 49)) channel.ack(message);
  await channel.close(); // sends what it has said; a close of the connection alone does not
  await other.close();
  await expect.poll(() => stateOf('last-words')).toMatchObject({ ready: 1, leased: 0 });
  const again = await (await gateway.connection.createChannel()).get('last-words');
  expect(String((again as GetMessage).content)).toBe('49');
});
