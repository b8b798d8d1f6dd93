/** What an AMQP client has done is there for its next method, on any of its channels and for the next connection. */

import type { Channel } from 'amqplib';
import { describe, expect, it } from 'vitest';
import { Posthorn } from '../../../sdk/index.ts';
import { amqpGatewayForTests } from './support/amqp-gateway.ts';

const ROUNDS = 50;

const gateway = amqpGatewayForTests();
let names = 0;

async function newChannel(of = gateway.connection): Promise<Channel> {
  const channel = await of.createChannel();
  channel.on('error', () => {});
  return channel;
}

/** A queue with one message. */
async function filled(options: object = {}): Promise<string> {
  const queue = `effects-${++names}`;
  const channel = await gateway.connection.createConfirmChannel();
  await channel.assertQueue(queue, options);
  channel.sendToQueue(queue, Buffer.from('hello'));
  await channel.waitForConfirms();
  await channel.close();
  return queue;
}

describe('a message that is given back', () => {
  it('is there for the next get', async () => {
    const queue = await filled();
    const channel = await newChannel();
    for (let round = 0; round < ROUNDS; round++) {
      const got = await channel.get(queue);
      if (got === false) throw new Error(`nothing in round ${round}`);
      expect(got.fields.redelivered).toBe(round > 0);
      channel.nack(got, false, true);
    }
    expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 1 });
  });

  it('is counted, purged and deleted with its queue', async () => {
    const channel = await newChannel();
    const queue = await filled();
    for (let round = 0; round < ROUNDS; round++) {
      const got = await channel.get(queue);
      if (got === false) throw new Error(`nothing in round ${round}`);
      channel.nack(got, false, true);
      expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 1 });
    }
    const got = await channel.get(queue);
    if (got !== false) channel.nack(got, false, true);
    expect(await channel.purgeQueue(queue)).toMatchObject({ messageCount: 1 });
  });

  it('is there when a consumer has requeued it and was cancelled', async () => {
    const queue = await filled();
    const channel = await newChannel();
    const { promise: delivered, resolve } = Promise.withResolvers<void>();
    await channel.consume(queue, (message) => {
      if (message === null) return;
      void channel.cancel(message.fields.consumerTag).then(() => {
        channel.nack(message, false, true);
        resolve();
      });
    });
    await delivered;
    const got = await channel.get(queue);
    expect(got && String(got.content)).toBe('hello');
  });

  it('is there for another channel when its own is closed, and for another connection', async () => {
    const queue = await filled();
    for (let round = 0; round < 10; round++) {
      const channel = await newChannel();
      expect(await channel.get(queue)).not.toBe(false);
      await channel.close();
      const other = await gateway.open();
      expect(await (await newChannel(other)).get(queue)).not.toBe(false);
      await other.close();
    }
  });
});

it('a queue knows of a consumer when its client has the answer', async () => {
  const channel = await newChannel();
  const { queue } = await channel.assertQueue('', { autoDelete: true });
  const posthorn = new Posthorn({ url: gateway.broker.url });
  for (let consumers = 1; consumers <= 10; consumers++) {
    await channel.consume(queue, () => {});
    expect((await posthorn.queues.get(queue)).state.consumers).toBe(consumers);
  }
});

describe('what is not there', () => {
  it('can be unbound, as with RabbitMQ', async () => {
    const channel = await newChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.unbindQueue(queue, 'no-such-exchange', 'key');
    await channel.unbindQueue('no-such-queue', 'amq.direct', 'key');
    await channel.unbindQueue(queue, 'amq.direct', 'no-such-binding');
    await channel.unbindExchange('no-such-exchange', 'no-such-source', 'key');
  });
});

describe('a queue', () => {
  it('is unused when nobody consumes from it, even if somebody has got a message', async () => {
    const queue = await filled();
    const channel = await newChannel();
    expect(await channel.get(queue)).not.toBe(false);
    await channel.deleteQueue(queue, { ifUnused: true });
    await expect((await newChannel()).checkQueue(queue)).rejects.toThrow('404');
  });

  it('is empty when all of its messages have been got', async () => {
    const queue = await filled();
    const channel = await newChannel();
    await expect((await newChannel()).deleteQueue(queue, { ifEmpty: true })).rejects.toThrow('406');
    while ((await channel.get(queue)) !== false);
    await channel.deleteQueue(queue, { ifEmpty: true });
    await expect((await newChannel()).checkQueue(queue)).rejects.toThrow('404');
  });

  it('that has a consumer is not', async () => {
    const queue = await filled();
    const channel = await newChannel();
    await channel.consume(queue, () => {});
    await expect((await newChannel()).deleteQueue(queue, { ifUnused: true })).rejects.toThrow('406');
  });
});
