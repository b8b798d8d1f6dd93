/** amqplib, unmodified, against the gateway and a real broker. */

import {
  connect,
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type GetMessage,
  type Message,
} from 'amqplib';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import { Posthorn } from '../../../sdk/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let server: AmqpServer;
let posthorn: Posthorn;
let connection: ChannelModel;
const faults: unknown[] = [];
let names = 0;
const newName = (): string => `amqp-${++names}`;

beforeAll(async () => {
  broker = await TestBroker.start();
  server = await AmqpServer.start({ url: broker.url, port: 0, onError: (error) => faults.push(error) });
  posthorn = new Posthorn({ url: broker.url });
  connection = await connect(addressOf('guest:guest'));
  connection.on('error', () => {});
});

afterAll(async () => {
  await server?.stop();
  await broker?.stop();
});

afterEach(() => {
  expect(faults).toEqual([]);
});

const addressOf = (login: string, virtualHost = ''): string =>
  `amqp://${login}@127.0.0.1:${server.port}${virtualHost}`;

async function newChannel(): Promise<Channel> {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  return channel;
}

async function newConfirmChannel(): Promise<ConfirmChannel> {
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return channel;
}

/** Takes the next messages of a queue, without settling them. */
async function take(channel: Channel, queue: string, count: number): Promise<Message[]> {
  const taken: Message[] = [];
  const all = Promise.withResolvers<void>();
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (taken.push(message!) === count) all.resolve();
  });
  await all.promise;
  await channel.cancel(consumerTag);
  return taken;
}

/** Gets until there is a message: what goes back to a queue is there a moment later. */
async function getNext(channel: Channel, queue: string): Promise<GetMessage> {
  for (;;) {
    const message = await channel.get(queue);
    if (message !== false) return message;
  }
}

const texts = (messages: Message[]): string[] => messages.map(({ content }) => String(content));

/** Rejects if the channel or connection was not closed with an error; otherwise returns its code. */
async function codeOf(promise: Promise<unknown>): Promise<number> {
  const error: { code?: number } = await promise.then(
    () => ({}),
    (cause: unknown) => cause as { code?: number },
  );
  return error.code ?? 0;
}

describe('publishing with amqplib', () => {
  it('confirms messages when they are stored, and delivers them in their order', async () => {
    const channel = await newConfirmChannel();
    const { queue } = await channel.assertQueue(newName());
    for (let at = 0; at < 300; at++) channel.sendToQueue(queue, Buffer.from(`m${at}`));
    await channel.waitForConfirms();
    expect((await channel.checkQueue(queue)).messageCount).toBe(300);
    const messages = await take(channel, queue, 300);
    expect(texts(messages)).toEqual(Array.from({ length: 300 }, (_, at) => `m${at}`));
    channel.ackAll();
    await channel.close();
    await expect.poll(async () => (await posthorn.queues.get(queue)).state.leased).toBe(0);
    expect((await posthorn.queues.get(queue)).state.ready).toBe(0);
  });

  it('keeps properties and headers of all types', async () => {
    const channel = await newConfirmChannel();
    const { queue } = await channel.assertQueue(newName(), { maxPriority: 10 });
    const properties = {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      correlationId: 'c1',
      replyTo: 'replies',
      messageId: 'm1',
      timestamp: 1_700_000_000,
      type: 'order',
      appId: 'shop',
      userId: 'guest',
      priority: 7,
      deliveryMode: 2,
      headers: {
        text: 'ä',
        number: 5,
        half: 0.5,
        yes: true,
        nothing: null,
        list: [1, 'a'],
        inner: { deep: [false] },
      },
    };
    channel.sendToQueue(queue, Buffer.from('{}'), properties);
    await channel.waitForConfirms();
    const [message] = await take(channel, queue, 1);
    expect(message!.properties).toMatchObject(properties);
    expect(message!.fields).toMatchObject({ exchange: '', routingKey: queue, redelivered: false });
    channel.ack(message!);
    await channel.close();
  });

  it('returns a mandatory message that nobody takes, before its confirm, and drops others', async () => {
    const channel = await newConfirmChannel();
    const { exchange } = await channel.assertExchange(newName(), 'topic');
    const events: string[] = [];
    channel.on('return', (message: Message) => events.push(`returned ${String(message.content)}`));
    for (const name of [exchange, '']) {
      channel.publish(name, 'nobody', Buffer.from('lost'));
      channel.publish(name, 'nobody', Buffer.from('kept'), { mandatory: true }, () =>
        events.push('confirmed'),
      );
      await channel.waitForConfirms();
    }
    expect(events).toEqual(['returned kept', 'confirmed', 'returned kept', 'confirmed']);
    await channel.close();
  });

  it('nacks what a full queue refuses', async () => {
    const channel = await newConfirmChannel();
    const { queue } = await channel.assertQueue(newName(), {
      maxLength: 1,
      arguments: { 'x-overflow': 'reject-publish' },
    });
    const outcomes = [0, 1].map(
      () =>
        new Promise((resolve) =>
          channel.sendToQueue(queue, Buffer.from('x'), {}, (error) =>
            resolve(error === null ? 'ack' : 'nack'),
          ),
        ),
    );
    expect(await Promise.all(outcomes)).toEqual(['ack', 'nack']);
    await channel.close();
  });

  it('routes through exchanges of every type, and through exchanges bound to exchanges', async () => {
    const channel = await newConfirmChannel();
    const [topic, headers, fanout] = await Promise.all([
      channel.assertExchange(newName(), 'topic'),
      channel.assertExchange(newName(), 'headers'),
      channel.assertExchange(newName(), 'fanout'),
    ]);
    const { queue } = await channel.assertQueue('', { exclusive: true });
    expect(queue).toMatch(/^amq\.gen-/);
    await channel.bindQueue(queue, topic.exchange, 'orders.*');
    await channel.bindQueue(queue, headers.exchange, '', { 'x-match': 'all', kind: 'invoice', pages: 2 });
    await channel.bindExchange(topic.exchange, fanout.exchange, '');
    channel.publish(topic.exchange, 'orders.eu', Buffer.from('topic'));
    channel.publish(topic.exchange, 'returns.eu', Buffer.from('none'));
    channel.publish(headers.exchange, '', Buffer.from('headers'), { headers: { kind: 'invoice', pages: 2 } });
    channel.publish(fanout.exchange, 'orders.us', Buffer.from('fanout'));
    await channel.waitForConfirms();
    const messages = await take(channel, queue, 3);
    expect(texts(messages).toSorted()).toEqual(['fanout', 'headers', 'topic']);
    channel.ackAll();
    await channel.unbindQueue(queue, topic.exchange, 'orders.*');
    channel.publish(topic.exchange, 'orders.eu', Buffer.from('unbound'), { mandatory: true });
    await once(channel, 'return');
    await channel.close();
  });
});

describe('consuming with amqplib', () => {
  it('delivers a message again that was requeued, as redelivered, and settles many by one ack', async () => {
    const channel = await newConfirmChannel();
    const { queue } = await channel.assertQueue(newName());
    for (const text of ['a', 'b', 'c']) channel.sendToQueue(queue, Buffer.from(text));
    await channel.waitForConfirms();
    const first = await take(channel, queue, 3);
    channel.nack(first[0]!, false, true);
    const again = await getNext(channel, queue);
    expect([String(again.content), again.fields.redelivered]).toEqual(['a', true]);
    channel.ack(again, true);
    await channel.close();
    await expect
      .poll(async () => (await posthorn.queues.get(queue)).state)
      .toMatchObject({ ready: 0, leased: 0 });
  });

  it('holds at most the prefetch, and gives back what a closed channel held', async () => {
    const channel = await newConfirmChannel();
    const { queue } = await channel.assertQueue(newName());
    for (let at = 0; at < 10; at++) channel.sendToQueue(queue, Buffer.from(String(at)));
    await channel.waitForConfirms();
    const consuming = await newChannel();
    await consuming.prefetch(3);
    const seen: Message[] = [];
    await consuming.consume(queue, (message) => seen.push(message!));
    await expect.poll(() => seen.length).toBe(3);
    expect((await channel.checkQueue(queue)).messageCount).toBe(7);
    consuming.ack(seen[0]!);
    await expect.poll(() => seen.length).toBe(4);
    await consuming.close();
    await expect.poll(async () => (await channel.checkQueue(queue)).messageCount).toBe(9);
    await channel.close();
  });

  it('gets single messages, and says when there is none', async () => {
    const channel = await newConfirmChannel();
    const { queue } = await channel.assertQueue(newName());
    expect(await channel.get(queue)).toBe(false);
    for (const text of ['a', 'b']) channel.sendToQueue(queue, Buffer.from(text));
    await channel.waitForConfirms();
    const message = (await channel.get(queue)) as GetMessage;
    expect([String(message.content), message.fields.messageCount]).toEqual(['a', 1]);
    channel.ack(message);
    expect(String(((await channel.get(queue, { noAck: true })) as GetMessage).content)).toBe('b');
    expect(await channel.get(queue)).toBe(false);
    await channel.close();
  });

  it('dead-letters what is rejected and what expires', async () => {
    const channel = await newConfirmChannel();
    const { exchange } = await channel.assertExchange(newName(), 'fanout');
    const dead = await channel.assertQueue(newName());
    await channel.bindQueue(dead.queue, exchange, '');
    const { queue } = await channel.assertQueue(newName(), { deadLetterExchange: exchange });
    channel.sendToQueue(queue, Buffer.from('rejected'));
    await channel.waitForConfirms();
    const [message] = await take(channel, queue, 1);
    channel.reject(message!, false);
    expect(String((await getNext(channel, dead.queue)).content)).toBe('rejected');
    channel.sendToQueue(queue, Buffer.from('expired'), { expiration: 50 });
    expect(String((await getNext(channel, dead.queue)).content)).toBe('expired');
    await channel.close();
  });

  it('cancels the consumers of a queue that is deleted', async () => {
    const channel = await newChannel();
    const { queue } = await channel.assertQueue(newName());
    const cancelled = Promise.withResolvers<null>();
    await channel.consume(queue, (message) => message === null && cancelled.resolve(null));
    await posthorn.queues.delete(queue);
    expect(await cancelled.promise).toBeNull();
    const other = await channel.assertQueue(newName());
    const deleted = Promise.withResolvers<null>();
    await channel.consume(other.queue, (message) => message === null && deleted.resolve(null));
    await channel.deleteQueue(other.queue);
    expect(await deleted.promise).toBeNull();
    await channel.close();
  });
});

describe('errors', () => {
  it.each<[string, number, (channel: Channel) => Promise<unknown>]>([
    ['a passive declare of a queue that is not there', 404, (channel) => channel.checkQueue('nowhere')],
    [
      'a passive declare of an exchange that is not there',
      404,
      (channel) => channel.checkExchange('nowhere'),
    ],
    [
      'a binding to an exchange that is not there',
      404,
      (channel) => channel.bindQueue('nowhere', 'nowhere', ''),
    ],
    ['a consumer of a queue that is not there', 404, (channel) => channel.consume('nowhere', () => {})],
    ['an exchange of a reserved name', 403, (channel) => channel.assertExchange('amq.mine', 'direct')],
    [
      'a queue declared otherwise',
      406,
      async (channel) => {
        const { queue } = await channel.assertQueue(newName(), { messageTtl: 1_000 });
        await channel.assertQueue(queue, { messageTtl: 2_000 });
      },
    ],
    [
      'an exclusive queue of another connection',
      405,
      async (channel) => {
        const other = await connect(addressOf('guest:guest'));
        const owner = await other.createChannel();
        const { queue } = await owner.assertQueue('', { exclusive: true });
        try {
          await channel.checkQueue(queue);
        } finally {
          await other.close();
        }
      },
    ],
  ])('%s closes the channel with %i, and not the connection', async (_, code, fail) => {
    const channel = await newChannel();
    expect(await codeOf(fail(channel))).toBe(code);
    await (await newChannel()).close();
  });

  it('a publish to an exchange that is not there closes the channel', async () => {
    const channel = await newChannel();
    const failed = once(channel, 'error');
    channel.publish('nowhere', '', Buffer.from('x'));
    expect((await failed)[0]).toMatchObject({ code: 404, classId: 60, methodId: 40 });
  });

  it('an unknown delivery tag closes the channel with 406', async () => {
    const channel = await newChannel();
    const failed = once(channel, 'error');
    channel.ack({ fields: { deliveryTag: 99 } } as Message);
    expect((await failed)[0]).toMatchObject({ code: 406, classId: 60, methodId: 80 });
  });

  it('what is not there closes the connection with 540', async () => {
    const other = await connect(addressOf('guest:guest'));
    const failed = once(other, 'error');
    const channel = await other.createChannel();
    channel.assertQueue(newName(), { arguments: { 'x-queue-type': 'stream' } }).catch(() => {});
    expect((await failed)[0]).toMatchObject({ code: 540 });
  });
});

describe('connections', () => {
  it('are refused to other users on a broker without tokens, and to unknown virtual hosts', async () => {
    await expect(connect(addressOf('guest:wrong'))).rejects.toThrow('403');
    await expect(connect(addressOf('admin:guest'))).rejects.toThrow('403');
    await expect(connect(addressOf('guest:guest', '/nowhere'))).rejects.toThrow('ConnectionClose');
  });

  it('delete their exclusive queues when they end', async () => {
    const other = await connect(addressOf('guest:guest'));
    const { queue } = await (await other.createChannel()).assertQueue('', { exclusive: true });
    await other.close();
    await expect
      .poll(() =>
        posthorn.queues.get(queue).then(
          () => 'there',
          () => 'gone',
        ),
      )
      .toBe('gone');
  });

  it('of another protocol get the header of this one', async () => {
    const socket = connectTcp(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    expect([...bytes]).toEqual([...Buffer.from('AMQP'), 0, 0, 9, 1]);
    await once(socket, 'close');
  });

  it('that do not log in are closed', async () => {
    const hasty = await AmqpServer.start({ url: broker.url, port: 0, loginMs: 50 });
    const socket = connectTcp(hasty.port, '127.0.0.1');
    await once(socket, 'close');
    await hasty.stop();
  });

  it('are told with 320 when the gateway stops', async () => {
    const other = await AmqpServer.start({ url: broker.url, port: 0 });
    const client = await connect(`amqp://guest:guest@127.0.0.1:${other.port}`);
    client.on('error', () => {});
    const closed = once(client, 'close');
    await other.stop();
    expect((await closed)[0]).toMatchObject({ code: 320 });
  });
});
