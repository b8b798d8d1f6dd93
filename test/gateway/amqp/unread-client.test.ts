/** A client that asks and does not read what it is answered. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import {
  encodeContentHeader,
  encodeFrame,
  encodeProperties,
  FRAME_TYPES,
  PROTOCOL_HEADER,
} from '../../../wire/amqp/codec/frames.ts';
import { encodeMethod } from '../../../wire/amqp/codec/method-codec.ts';
import type { MethodFields, MethodName } from '../../../wire/amqp/codec/methods.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

let broker: TestBroker;
let server: AmqpServer;
/** The other end of the connection of the test. */
let accepted: Socket;
const onSocket = (message: unknown): void => void (accepted = (message as { socket: Socket }).socket);
beforeAll(async () => {
  broker = await TestBroker.start();
  server = await AmqpServer.start({ url: broker.url, port: 0 });
  subscribe('net.server.socket', onSocket);
});
afterAll(async () => {
  unsubscribe('net.server.socket', onSocket);
  await server?.stop();
  await broker?.stop();
});

const MIB = 1024 * 1024;
const BODY = Buffer.alloc(900_000, 'x');
const COUNT = 60;

function method<Name extends MethodName>(
  channel: number,
  name: Name,
  fields: MethodFields<Name>,
): Uint8Array {
  return encodeFrame(FRAME_TYPES.method, channel, encodeMethod(name, fields));
}

/** A message that nobody takes, which comes back. */
function* returned(): Generator<Uint8Array> {
  const fields = { reserved1: 0, exchange: '', routingKey: 'nowhere', mandatory: true, immediate: false };
  yield method(1, 'basic.publish', fields);
  yield encodeFrame(FRAME_TYPES.header, 1, encodeContentHeader(60, BODY.length, encodeProperties({})));
  for (let at = 0; at < BODY.length; at += 100_000)
    yield encodeFrame(FRAME_TYPES.body, 1, BODY.subarray(at, at + 100_000));
}

it('is not read any more above some bound, and gets everything when it reads again', async () => {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  const said = async (bytes: Uint8Array): Promise<void> => {
    socket.write(bytes);
    await once(socket, 'data');
  };
  await said(PROTOCOL_HEADER);
  const response = new TextEncoder().encode('\0guest\0guest');
  const locale = 'en_US';
  await said(
    method(0, 'connection.start-ok', { clientProperties: [], mechanism: 'PLAIN', response, locale }),
  );
  socket.write(method(0, 'connection.tune-ok', { channelMax: 10, frameMax: 131_072, heartbeat: 0 }));
  await said(method(0, 'connection.open', { virtualHost: '/', capabilities: '', insist: false }));
  await said(method(1, 'channel.open', { outOfBand: '' }));
  socket.pause();
  for (let n = 0; n < COUNT; n++) for (const bytes of returned()) socket.write(bytes);
  await until(async () => accepted.writableLength > 16 * MIB, 'answers that the client does not read');
  let [read, looksAlike] = [0, 0];
  await until(() => {
    looksAlike = accepted.bytesRead === read ? looksAlike + 1 : 0;
    read = accepted.bytesRead;
    return looksAlike >= 50 || socket.writableLength === 0;
  }, 'a socket that is not read');
  expect(socket.writableLength).toBeGreaterThan(0);
  let received = 0;
  socket.on('data', (chunk) => (received += chunk.length));
  socket.resume();
  await until(async () => received > COUNT * BODY.length, 'all that was returned');
  socket.destroy();
});
