/** Bodies that are too large for a message, on their way to AMQP clients. */

import { connect, type ChannelModel, type ConfirmChannel, type Message } from 'amqplib';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import { Posthorn } from '../../../sdk/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let server: AmqpServer;
const connections: ChannelModel[] = [];
beforeAll(async () => {
  broker = await TestBroker.start();
  server = await AmqpServer.start({ url: broker.url, port: 0 });
});
afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close().catch(() => {});
});
afterAll(async () => {
  await server?.stop();
  await broker?.stop();
});

async function open(port = server.port): Promise<ConfirmChannel> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`);
  connections.push(connection);
  return await connection.createConfirmChannel();
}

/** Takes so many messages, without acknowledging them. */
async function take(channel: ConfirmChannel, queue: string, count: number): Promise<Message[]> {
  const taken: Message[] = [];
  const all = Promise.withResolvers<void>();
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (taken.push(message as Message) === count) all.resolve();
  });
  await all.promise;
  await channel.cancel(consumerTag);
  return taken;
}

const areEqual = (taken: readonly Message[], bodies: readonly Buffer[]): boolean[] =>
  bodies.map((body, at) => taken[at]!.content.equals(body));

it('come as they were sent, by the SDK or by AMQP', async () => {
  const posthorn = new Posthorn({ url: broker.url });
  const channel = await open();
  await channel.assertQueue('large');
  const bodies = [300_000, 3_000_000, 300_001].map((size) => Buffer.alloc(size, 'abcdefghijk'));
  for (const body of bodies.slice(0, 2)) await posthorn.publisher().sendToQueue('large', { body });
  channel.sendToQueue('large', bodies[2]!);
  await channel.waitForConfirms();
  const got = (await channel.get('large')) as Message;
  expect(areEqual([got, ...(await take(channel, 'large', 2))], bodies)).toEqual([true, true, true]);
});

it('of up to 128 MiB are taken, in the order of their messages, with their properties', async () => {
  const channel = await open();
  await channel.assertQueue('larger');
  // Just too large for a message, one upload, and one in parts.
  const bodies = [1_048_576, 3, 5_000_000, 5, 34_000_000].map((size) => Buffer.alloc(size, `of ${size}`));
  for (const [at, body] of bodies.entries())
    channel.sendToQueue('larger', body, { messageId: String(at), headers: { number: at } });
  await channel.waitForConfirms();
  const taken = await take(channel, 'larger', bodies.length);
  expect(areEqual(taken, bodies)).toEqual(bodies.map(() => true));
  expect(taken.map(({ properties }) => [properties.messageId, properties.headers])).toEqual(
    bodies.map((_, at) => [String(at), { number: at }]),
  );
});

it('come again when they are requeued, and as dead letters when they are rejected', async () => {
  const channel = await open();
  await channel.assertExchange('topics', 'topic');
  await channel.assertQueue('dead');
  await channel.assertQueue('living', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
  await channel.bindQueue('living', 'topics', '#');
  const body = Buffer.alloc(2_000_000, 'a large body');
  channel.publish('topics', 'any', body);
  await channel.waitForConfirms();
  const [first] = await take(channel, 'living', 1);
  channel.nack(first!);
  const [second] = await take(channel, 'living', 1);
  expect(second!.fields.redelivered).toBe(true);
  channel.reject(second!, false);
  expect(areEqual([second!, ...(await take(channel, 'dead', 1))], [body, body])).toEqual([true, true]);
});

it('close the channel where there is no bucket for them', async () => {
  const bare = await TestBroker.start({ own: 'has no bucket', objects: false });
  const gateway = await AmqpServer.start({ url: bare.url, port: 0 });
  try {
    const channel = await open(gateway.port);
    await channel.assertQueue('bare');
    const failed = once(channel, 'error');
    channel.sendToQueue('bare', Buffer.alloc(2_000_000));
    expect(await failed).toMatchObject([
      { code: 406, message: expect.stringContaining('cannot go to the bucket') },
    ]);
  } finally {
    await gateway.stop();
    await bare.stop();
  }
});
