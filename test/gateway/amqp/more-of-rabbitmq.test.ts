/** What RabbitMQ has beyond AMQP 0-9-1's core, with amqplib, unmodified, against the gateway and a real broker. */

import { connect, type Channel, type ChannelModel, type ConsumeMessage, type GetMessage } from 'amqplib';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import { METHODS, methodKey } from '../../../wire/amqp/codec/methods.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let server: AmqpServer;
let connection: ChannelModel;
const faults: unknown[] = [];
let names = 0;
const newName = (): string => `more-${++names}`;

beforeAll(async () => {
  broker = await TestBroker.start();
  server = await AmqpServer.start({ url: broker.url, port: 0, onError: (error) => faults.push(error) });
  connection = await open();
});

afterAll(async () => {
  await server?.stop();
  await broker?.stop();
});

afterEach(() => expect(faults).toEqual([]));

async function open(): Promise<ChannelModel> {
  const opened = await connect(`amqp://guest:guest@127.0.0.1:${server.port}`);
  opened.on('error', () => {});
  return opened;
}

async function newChannel(of = connection): Promise<Channel> {
  const channel = await of.createChannel();
  channel.on('error', () => {});
  return channel;
}

/** Gets until there is a message. */
async function getNext(channel: Channel, queue: string): Promise<GetMessage> {
  for (;;) {
    const message = await channel.get(queue);
    if (message !== false) return message;
  }
}

/** Collects deliveries. */
async function collect(
  channel: Channel,
  queue: string,
  options: object = {},
): Promise<{ texts: string[]; messages: ConsumeMessage[] }> {
  const messages: ConsumeMessage[] = [];
  const texts: string[] = [];
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      messages.push(message);
      texts.push(String(message.content));
    },
    options,
  );
  return { texts, messages };
}

const LONG = { timeout: 20_000 };

describe('consumers', () => {
  it('can have a queue to themselves', async () => {
    const channel = await newChannel();
    const { queue } = await channel.assertQueue(newName());
    const { consumerTag } = await channel.consume(queue, () => {}, { exclusive: true });
    const other = await newChannel();
    const [error] = (
      await Promise.all([once(other, 'error'), other.consume(queue, () => {}).catch(() => {})])
    )[0];
    expect(error).toMatchObject({ code: 403 });
    await channel.cancel(consumerTag);
    await expect(collect(await newChannel(), queue)).resolves.toBeDefined();
  });

  it('of a higher priority are served first as long as they have room', async () => {
    const channel = await newChannel();
    const { queue } = await channel.assertQueue(newName());
    await channel.prefetch(2);
    const low = await collect(channel, queue, { priority: 1 });
    const high = await collect(channel, queue, { priority: 9 });
    // Both streams have to be there.
    await expect.poll(async () => (await channel.checkQueue(queue)).consumerCount, LONG).toBe(2);
    for (const text of ['a', 'b', 'c', 'd']) channel.sendToQueue(queue, Buffer.from(text));
    await expect.poll(() => high.texts.length + low.texts.length, LONG).toBe(4);
    expect([high.texts.length, low.texts.length]).toEqual([2, 2]);
  });

  it('share the prefetch of their channel', async () => {
    const channel = await newChannel();
    const queues = [await channel.assertQueue(newName()), await channel.assertQueue(newName())];
    await channel.prefetch(3, true);
    for (const { queue } of queues) {
      for (const text of ['a', 'b', 'c', 'd']) channel.sendToQueue(queue, Buffer.from(text));
    }
    const taken: ConsumeMessage[] = [];
    for (const { queue } of queues) await channel.consume(queue, (message) => void taken.push(message!));
    for (let handled = 0; handled < 8; handled++) {
      await expect.poll(() => taken.length, LONG).toBeGreaterThan(handled);
      expect(taken.length - handled).toBeLessThanOrEqual(3);
      channel.ack(taken[handled]!);
    }
  });

  it('take a queue with auto-delete with them, which can be declared again at once', async () => {
    for (let round = 0; round < 3; round++) {
      const channel = await newChannel();
      const { queue } = await channel.assertQueue('more-again', { autoDelete: true, expires: 10_000 });
      await channel.bindQueue(queue, 'amq.direct', queue);
      channel.publish('amq.direct', queue, Buffer.from(String(round)));
      const { texts } = await collect(channel, queue, { noAck: true });
      await expect.poll(() => texts, LONG).toEqual([String(round)]);
      await channel.close();
    }
    await expect((await newChannel()).checkQueue('more-again')).rejects.toThrow('404');
  });
});

describe('transactions', () => {
  it('publish and acknowledge when they are committed, and not when they are rolled back', async () => {
    const channel = await newChannel();
    const { queue } = await channel.assertQueue(newName());
    const { queue: results } = await channel.assertQueue(newName());
    channel.sendToQueue(queue, Buffer.from('job'));
    const transacted = await newTransaction();
    const job = await getNext(transacted.channel, queue);
    transacted.channel.sendToQueue(results, Buffer.from('undone'));
    transacted.channel.ack(job);
    await transacted.rollback();
    transacted.channel.sendToQueue(results, Buffer.from('done'));
    transacted.channel.ack(job);
    expect((await channel.checkQueue(results)).messageCount).toBe(0);
    await transacted.commit();
    expect(String((await getNext(channel, results)).content)).toBe('done');
    await transacted.channel.close();
    expect((await channel.checkQueue(queue)).messageCount).toBe(0);
    expect(await channel.get(results)).toBe(false);
  });
});

describe('direct replies', () => {
  it('come without a queue that anybody declares', async () => {
    const server = await newChannel();
    const { queue } = await server.assertQueue(newName());
    await server.consume(queue, (message) => {
      const { replyTo, correlationId } = message!.properties as { replyTo: string; correlationId: string };
      for (const part of ['1', '2']) {
        server.sendToQueue(replyTo, Buffer.from(`${String(message!.content)} ${part}`), { correlationId });
      }
      server.ack(message!);
    });
    const client = await newChannel();
    const replies = await collect(client, 'amq.rabbitmq.reply-to', { noAck: true });
    const about = { replyTo: 'amq.rabbitmq.reply-to', correlationId: 'c1' };
    client.sendToQueue(queue, Buffer.from('question'), about);
    await expect.poll(() => replies.texts, LONG).toEqual(['question 1', 'question 2']);
    expect(replies.messages[0]!.properties.correlationId).toBe('c1');
  });
});

describe('messages', () => {
  it('that died tell their past in x-death', async () => {
    const channel = await newChannel();
    const { exchange } = await channel.assertExchange(newName(), 'fanout');
    const { queue: dead } = await channel.assertQueue(newName());
    await channel.bindQueue(dead, exchange, '');
    const { queue } = await channel.assertQueue(newName(), { deadLetterExchange: exchange });
    channel.sendToQueue(queue, Buffer.from('x'), { expiration: '1', headers: { own: 1 } });
    const { properties } = await getNext(channel, dead);
    const headers = properties.headers as Record<string, unknown> & { 'x-death': object[] };
    expect(properties.expiration).toBeUndefined();
    expect(headers).toMatchObject({
      own: 1,
      'x-first-death-queue': queue,
      'x-first-death-reason': 'expired',
      'x-last-death-queue': queue,
    });
    expect(headers['x-death']).toMatchObject([
      { count: 1, reason: 'expired', queue, 'original-expiration': '1' },
    ]);
  });

  it('wait as long as x-delay says', async () => {
    const channel = await newChannel();
    const type = { arguments: { 'x-delayed-type': 'direct' } };
    const { exchange } = await channel.assertExchange(newName(), 'x-delayed-message', type);
    const { queue } = await channel.assertQueue(newName());
    await channel.bindQueue(queue, exchange, 'k');
    const before = Date.now();
    channel.publish(exchange, 'k', Buffer.from('later'), { headers: { 'x-delay': 400 } });
    channel.publish(exchange, 'k', Buffer.from('now'));
    const texts = [await getNext(channel, queue), await getNext(channel, queue)].map(({ content }) =>
      String(content),
    );
    expect(texts).toEqual(['now', 'later']);
    expect(Date.now() - before).toBeGreaterThanOrEqual(400);
  });
});

/** A channel with transactions, which amqplib has no methods for. */
async function newTransaction(): Promise<{
  channel: Channel;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}> {
  const channel = await newChannel();
  const keyOf = (name: 'tx.select' | 'tx.commit' | 'tx.rollback', more: number): number =>
    methodKey(METHODS[name].classId, METHODS[name].methodId + more);
  const rpc = (name: Parameters<typeof keyOf>[0]): Promise<void> =>
    (channel as unknown as { rpc(method: number, fields: object, ok: number): Promise<void> }).rpc(
      keyOf(name, 0),
      {},
      keyOf(name, 1),
    );
  await rpc('tx.select');
  return { channel, commit: () => rpc('tx.commit'), rollback: () => rpc('tx.rollback') };
}

describe('further routing keys', () => {
  const headersOf = ({ properties }: GetMessage): object => properties.headers!;

  it('bring a message to each queue once, through the default exchange too, and blind ones are not told', async () => {
    const channel = await connection.createConfirmChannel();
    const [one, two, three] = [newName(), newName(), newName()];
    for (const queue of [one, two, three]) await channel.assertQueue(queue);
    channel.sendToQueue(one, Buffer.from('x'), { CC: [one, two, two, 'nobody'], BCC: [three] });
    await channel.waitForConfirms();
    for (const queue of [one, two, three]) {
      const got = await getNext(channel, queue);
      expect(got.fields.messageCount).toBe(0);
      expect(headersOf(got)).toEqual({ CC: [one, two, two, 'nobody'] });
    }
  });

  it('are asked for by every exchange on the way, and stand in what a dead letter tells', async () => {
    const channel = await connection.createConfirmChannel();
    const [first, second, work, dead] = [newName(), newName(), newName(), newName()];
    await channel.assertExchange(first, 'direct');
    await channel.assertExchange(second, 'topic');
    await channel.bindExchange(second, first, 'a');
    const settings = { deadLetterExchange: '', deadLetterRoutingKey: dead };
    await channel.assertQueue(work, settings);
    await channel.assertQueue(dead);
    await channel.bindQueue(work, second, 'b');
    channel.publish(first, '', Buffer.from('x'), { CC: 'a', BCC: ['b'] });
    await channel.waitForConfirms();
    channel.reject(await getNext(channel, work), false);
    const letter = await getNext(channel, dead);
    expect(headersOf(letter)).not.toHaveProperty('CC');
    expect(headersOf(letter)).toMatchObject({ 'x-death': [{ exchange: first, 'routing-keys': ['', 'a'] }] });
  });
});
