/** Messages that expire, as an AMQP client sees them. */

import type { ConfirmChannel } from 'amqplib';
import { beforeAll, expect, it } from 'vitest';
import { amqpGatewayForTests } from './support/amqp-gateway.ts';

const gateway = amqpGatewayForTests();
let channel: ConfirmChannel;
beforeAll(async () => {
  channel = await gateway.connection.createConfirmChannel();
});

it.each([
  { name: 'the queue', queue: { messageTtl: 0 }, message: {} },
  { name: 'the message', queue: {}, message: { expiration: '0' } },
])(
  'a time to live of 0 of $name: it goes to a consumer that waits, or to nobody',
  async ({ name, queue: settings, message }) => {
    const queue = `at once by ${name}`;
    await channel.assertQueue(queue, settings);
    channel.sendToQueue(queue, Buffer.from('nobody waits'), message);
    await channel.waitForConfirms();
    expect(await channel.get(queue)).toBe(false);

    const bodies: string[] = [];
    const { consumerTag } = await channel.consume(queue, (delivery) => {
      bodies.push(String(delivery!.content));
      // Given back, it expires.
      channel.nack(delivery!);
    });
    channel.sendToQueue(queue, Buffer.from('somebody waits'), message);
    await channel.waitForConfirms();
    await expect.poll(() => bodies).toEqual(['somebody waits']);
    channel.sendToQueue(queue, Buffer.from('waits still'), message);
    await expect.poll(() => bodies).toEqual(['somebody waits', 'waits still']);
    await channel.cancel(consumerTag);
    expect(await channel.get(queue)).toBe(false);
  },
);

it('dead letters of dead letters do not wait for each other', async () => {
  await channel.assertExchange('expired', 'direct');
  const settings = { messageTtl: 1, deadLetterExchange: 'expired' };
  await channel.assertQueue('expires', settings);
  await channel.assertQueue('expires too', settings);
  await channel.assertQueue('stays');
  for (const queue of ['expires too', 'stays']) await channel.bindQueue(queue, 'expired', 'expires');
  for (let index = 0; index < 5; index++) channel.sendToQueue('expires', Buffer.from(String(index)));
  await channel.waitForConfirms();
  await expect.poll(async () => (await channel.checkQueue('stays')).messageCount).toBe(10);
  expect((await channel.checkQueue('expires too')).messageCount).toBe(0);
});

it('a queue that is declared again and again does not expire', async () => {
  const expires = 2_000;
  const settings = { arguments: { 'x-expires': expires } };
  await channel.assertQueue('declared again', settings);
  for (const endMs = Date.now() + expires * 1.2; Date.now() < endMs;) {
    await channel.assertQueue('declared again', settings);
    await channel.checkQueue('declared again');
  }
  channel.sendToQueue('declared again', Buffer.from('it is there'));
  await channel.waitForConfirms();
  expect((await channel.checkQueue('declared again')).messageCount).toBe(1);
});
