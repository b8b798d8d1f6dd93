/** AMQP by a WebSocket of the worker: the browser class of amqp-client.js, unmodified, against a real broker. */

import { AMQPWebSocketClient, type AMQPMessage } from '@cloudamqp/amqp-client/amqp-websocket-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AMQPBaseClient } from '@cloudamqp/amqp-client';
import { Posthorn } from '../../../sdk/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { LockedBroker, ROOT } from '../access/support.ts';

let broker: TestBroker;
let posthorn: Posthorn;

beforeAll(async () => {
  broker = await TestBroker.start();
  posthorn = new Posthorn({ url: broker.url });
});
afterAll(() => broker?.stop());

/** Of a shared broker, whose namespaces are virtual hosts. */
const addressOf = (url: string): string => `${new URL(url).origin.replace(/^http/, 'ws')}/ws/amqp`;

const connect = (url = broker.url, virtualHost = broker.namespace, user = 'guest', password = 'guest') =>
  new AMQPWebSocketClient(addressOf(url), virtualHost, user, password).connect();

const refusalOf = (connecting: Promise<AMQPBaseClient>): Promise<string> =>
  connecting.then(
    () => 'let in',
    ({ message }: Error) => message,
  );

const eventually = (check: () => Promise<void> | void): Promise<void> => vi.waitFor(check, 10_000);

describe('amqp-client.js', () => {
  it('declares, publishes with confirms, consumes and acknowledges', async () => {
    const connection = await connect();
    const channel = await connection.channel();
    await channel.exchangeDeclare('events', 'topic');
    const { name } = await channel.queueDeclare('events-of-orders', { durable: true });
    await channel.queueBind(name, 'events', 'orders.#');
    await channel.confirmSelect();
    const bodies = Array.from({ length: 300 }, (_, at) => `body ${at}`);
    await Promise.all(
      bodies.map((body) => channel.basicPublish('events', 'orders.new', body, { contentType: 'text/plain' })),
    );
    await channel.basicQos(20);
    const got: AMQPMessage[] = [];
    await channel.basicConsume(name, { noAck: false }, async (message) => {
      got.push(message);
      await message.ack();
    });
    await eventually(() => expect(got.length).toBe(300));
    expect(got.map((message) => message.bodyString())).toEqual(bodies);
    expect(got[0]!.properties.contentType).toBe('text/plain');
    await eventually(async () => {
      const { state } = await posthorn.queues.get(name);
      expect({ ready: state.ready, leased: state.leased }).toEqual({ ready: 0, leased: 0 });
    });
    await connection.close();
  });

  it('sends and takes bodies of many frames', async () => {
    const connection = await connect();
    const channel = await connection.channel();
    await channel.queueDeclare('large');
    const body = new Uint8Array(500_000).map((_, at) => at % 251);
    await channel.confirmSelect();
    await channel.basicPublish('', 'large', body);
    const message = await channel.basicGet('large', { noAck: true });
    expect((message as AMQPMessage).body).toEqual(body);
    await connection.close();
  });

  it('gets back what it left unsettled when its socket ends', async () => {
    const connection = await connect();
    const channel = await connection.channel();
    await channel.queueDeclare('left');
    await channel.confirmSelect();
    for (const body of ['taken', 'got']) await channel.basicPublish('', 'left', body);
    const taken = Promise.withResolvers<AMQPMessage>();
    await channel.basicQos(1);
    await channel.basicConsume('left', { noAck: false }, (message) => taken.resolve(message));
    await taken.promise;
    await channel.basicGet('left', { noAck: false });
    (connection as unknown as { closeSocket(): void }).closeSocket();
    await eventually(async () => {
      const { state } = await posthorn.queues.get('left');
      expect({ ready: state.ready, leased: state.leased }).toEqual({ ready: 2, leased: 0 });
    });
  });

  it('is told to connect again after 4,000 calls, and finds what was confirmed', async () => {
    const connection = await connect();
    const publishing = await connection.channel();
    await publishing.queueDeclare('many');
    await publishing.confirmSelect();
    const asking = await Promise.all(Array.from({ length: 8 }, () => connection.channel()));
    let asked = 0;
    let confirmed = 0;
    const untilRefused = async (ask: () => Promise<unknown>): Promise<string> => {
      try {
        for (;;) await ask();
      } catch (error) {
        return (error as Error).message;
      }
    };
    const reasons = await Promise.all([
      untilRefused(() => publishing.basicPublish('', 'many', 'kept').then(() => confirmed++)),
      ...asking.map((channel) =>
        untilRefused(() => channel.queueDeclare('many', { passive: true }).then(() => asked++)),
      ),
    ]);
    // One that was answered just before finds its channel closed.
    for (const reason of reasons) expect(reason).toMatch(/320|CONNECTION.FORCED|^Channel is closed$/);
    expect(reasons.join()).toMatch(/320|CONNECTION.FORCED/);
    expect(asked + confirmed).toBeGreaterThan(3_900);
    expect(asked + confirmed).toBeLessThan(4_000);
    const { state } = await posthorn.queues.get('many');
    expect(state.ready).toBeGreaterThanOrEqual(confirmed);
    expect(confirmed).toBeGreaterThan(0);
  });

  it('closes the channel for what is not there, and the connection goes on', async () => {
    const connection = await connect();
    const channel = await connection.channel();
    await expect(channel.queueDeclare('absent', { passive: true })).rejects.toThrow(/404|NOT.FOUND/i);
    await (await connection.channel()).queueDeclare('after-it');
    await connection.close();
  });

  it('takes an exclusive queue with it', async () => {
    const connection = await connect();
    const channel = await connection.channel();
    const { name } = await channel.queueDeclare('', { exclusive: true });
    await connection.close();
    await eventually(async () => {
      await expect(posthorn.queues.get(name)).rejects.toMatchObject({ code: 'queue_not_found' });
    });
  });
});

describe('who may connect', () => {
  it('a broker of this machine without tokens lets guest in, and nobody else', async () => {
    expect(await refusalOf(connect(broker.url, '/', 'guest', 'wrong'))).toMatch(/403|ACCESS.REFUSED/i);
    expect(await refusalOf(connect(broker.url, 'nowhere'))).toMatch(/530|NOT.ALLOWED/i);
  });

  it('a broker with tokens asks for one, and gives its rights', async () => {
    const locked = await LockedBroker.start();
    await locked.namespace('team');
    const { token } = await locked.token('team', { roles: ['producer'] }, ROOT);
    const { url } = locked.broker;
    expect(await refusalOf(connect(url))).toMatch(/403|ACCESS.REFUSED/i);
    expect(await refusalOf(connect(url, 'team', 'anybody', 'ph_nothing'))).toMatch(/403|ACCESS.REFUSED/i);
    const connection = await connect(url, 'team', 'anybody', token);
    const channel = await connection.channel();
    await expect(channel.queueDeclare('q')).rejects.toThrow(/403|ACCESS.REFUSED/i);
    await connection.close();
    await locked.broker.stop();
  });

  it('a page of another origin does not, and a plain request learns what this is', async () => {
    const path = addressOf(broker.url).replace(/^ws/, 'http');
    const foreign = await fetch(path, { headers: { origin: 'https://evil.example' } });
    expect([foreign.status, ((await foreign.json()) as { code: string }).code]).toEqual([
      403,
      'foreign_page',
    ]);
    const plain = await fetch(path);
    expect([plain.status, ((await plain.json()) as { code: string }).code]).toEqual([
      426,
      'upgrade_required',
    ]);
  });
});

describe('bad input', () => {
  const closeOf = async (send: (socket: WebSocket) => void): Promise<{ code: number; heard: number[] }> => {
    const socket = new WebSocket(addressOf(broker.url));
    socket.binaryType = 'arraybuffer';
    const heard: number[] = [];
    socket.addEventListener('message', ({ data }) => heard.push(...new Uint8Array(data as ArrayBuffer)));
    const closed = new Promise<number>((resolve) =>
      socket.addEventListener('close', ({ code }) => resolve(code)),
    );
    socket.addEventListener('open', () => send(socket));
    return { code: await closed, heard };
  };

  it('text is refused', async () => {
    expect(await closeOf((socket) => socket.send('AMQP'))).toMatchObject({ code: 1003 });
  });

  it('another protocol is answered with the one that is spoken', async () => {
    const { heard, code } = await closeOf((socket) =>
      socket.send(new TextEncoder().encode('GET / HTTP/1.1')),
    );
    expect([String.fromCharCode(...heard.slice(0, 4)), code]).toEqual(['AMQP', 1000]);
  });
});
