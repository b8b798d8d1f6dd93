/** By which exchange and routing key dead letters come, and what `x-death` tells of those before. */

import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import { beforeAll, expect, it } from 'vitest';
import { amqpGatewayForTests } from './support/amqp-gateway.ts';

const gateway = amqpGatewayForTests();
let channel: ConfirmChannel;
beforeAll(async () => {
  channel = await gateway.connection.createConfirmChannel();
});

async function next(queue: string): Promise<ConsumeMessage> {
  const { promise, resolve } = Promise.withResolvers<ConsumeMessage>();
  const { consumerTag } = await channel.consume(queue, (message) => resolve(message!));
  const message = await promise;
  await channel.cancel(consumerTag);
  return message;
}

/** Of all deaths, the latest first. */
function deathsOf({ properties }: ConsumeMessage): object[] {
  return properties.headers!['x-death']!;
}

const deadLetters = (exchange: string, routingKey?: string): object => ({
  arguments: {
    'x-dead-letter-exchange': exchange,
    ...(routingKey !== undefined && { 'x-dead-letter-routing-key': routingKey }),
  },
});

it('a dead letter has the exchange and the key that it was dead-lettered by, and its past those before', async () => {
  for (const name of ['work', 'dead', 'deader']) await channel.assertExchange(name, 'direct');
  await channel.assertQueue('first', deadLetters('dead', 'failed'));
  await channel.assertQueue('second', deadLetters('deader'));
  await channel.assertQueue('third', deadLetters('', 'fourth'));
  await channel.assertQueue('fourth');
  await channel.bindQueue('first', 'work', 'new');
  await channel.bindQueue('second', 'dead', 'failed');
  await channel.bindQueue('third', 'deader', 'failed');
  channel.publish('work', 'new', Buffer.from('hello'));
  await channel.waitForConfirms();

  const first = await next('first');
  expect(first.fields).toMatchObject({ exchange: 'work', routingKey: 'new' });
  channel.reject(first, false);
  const second = await next('second');
  expect(second.fields).toMatchObject({ exchange: 'dead', routingKey: 'failed' });
  expect(deathsOf(second)).toMatchObject([{ queue: 'first', exchange: 'work', 'routing-keys': ['new'] }]);
  channel.reject(second, false);
  const third = await next('third');
  expect(third.fields).toMatchObject({ exchange: 'deader', routingKey: 'failed' });
  channel.reject(third, false);
  const fourth = await next('fourth');
  expect(fourth.fields).toMatchObject({ exchange: '', routingKey: 'fourth' });
  expect(deathsOf(fourth)).toMatchObject([
    { queue: 'third', exchange: 'deader', 'routing-keys': ['failed'] },
    { queue: 'second', exchange: 'dead', 'routing-keys': ['failed'] },
    { queue: 'first', exchange: 'work', 'routing-keys': ['new'] },
  ]);
  expect(fourth.properties.headers).toMatchObject({
    'x-first-death-exchange': 'work',
    'x-last-death-exchange': 'deader',
  });
  channel.ack(fourth);
});

it('one that is replayed has its own again', async () => {
  await channel.assertExchange('orders', 'topic');
  await channel.assertQueue('orders', deadLetters('', 'orders.dead'));
  await channel.assertQueue('orders.dead');
  await channel.bindQueue('orders', 'orders', '#');
  channel.publish('orders', 'orders.eu', Buffer.from('hello'));
  await channel.waitForConfirms();
  channel.reject(await next('orders'), false);
  const dead = await next('orders.dead');
  expect(dead.fields).toMatchObject({ exchange: '', routingKey: 'orders.dead' });
  channel.nack(dead, false, true);
  await channel.checkQueue('orders.dead');
  await gateway.broker.call('POST', '/v1/default/queues/orders.dead/dead-letters/replay', {});
  const again = await next('orders');
  expect(again.fields).toMatchObject({ exchange: 'orders', routingKey: 'orders.eu' });
  channel.ack(again);
});
