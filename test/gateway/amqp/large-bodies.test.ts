/** Bodies that are too large for a message, on their way to AMQP clients. */

import { connect, type Message } from 'amqplib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import { Posthorn } from '../../../sdk/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let server: AmqpServer;
beforeAll(async () => {
  broker = await TestBroker.start();
  server = await AmqpServer.start({ url: broker.url, port: 0 });
});
afterAll(async () => {
  await server?.stop();
  await broker?.stop();
});

it('come as they were sent, by the SDK or by AMQP', async () => {
  const posthorn = new Posthorn({ url: broker.url });
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${server.port}`);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('large');
  const bodies = [300_000, 3_000_000, 300_001].map((size) => Buffer.alloc(size, 'abcdefghijk'));
  for (const body of bodies.slice(0, 2)) await posthorn.publisher().sendToQueue('large', { body });
  channel.sendToQueue('large', bodies[2]!);
  await channel.waitForConfirms();
  const taken: Message[] = [(await channel.get('large', { noAck: true })) as Message];
  const all = Promise.withResolvers<void>();
  await channel.consume('large', (message) => taken.push(message as Message) === 3 && all.resolve(), {
    noAck: true,
  });
  await all.promise;
  expect(taken.map(({ content }, at) => content.equals(bodies[at]!))).toEqual([true, true, true]);
  await connection.close();
});
