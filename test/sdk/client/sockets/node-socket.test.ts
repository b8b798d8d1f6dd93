/** The WebSocket of Node, against a server that does by hand what servers do, and what none should. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeSocket } from '../../../../sdk/client/sockets/node-socket.ts';
import type { Socket } from '../../../../sdk/client/sockets/socket.ts';

let server: Server;
let url: string;
/** What the server does with the next one that asks for a socket. */
let upgrade: (connection: TcpSocket, key: string, headers: Record<string, unknown>) => void;

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.statusCode = 403;
    response.end('no');
  });
  server.on('upgrade', ({ headers }, connection: TcpSocket) => {
    connection.on('error', () => {});
    upgrade(connection, headers['sec-websocket-key']!, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/a?b=1`;
});
afterAll(() => void server.close());

function accept(connection: TcpSocket, key: string, behind: Uint8Array = new Uint8Array()): void {
  const accepted = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const head = `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accepted}\r\n\r\n`;
  connection.write(Buffer.concat([Buffer.from(head), behind]));
}

const text = (words: string, first = 0x81): Buffer =>
  Buffer.concat([Buffer.from([first, words.length]), Buffer.from(words)]);

/** A socket and the server's end of it. */
async function open(behind?: Uint8Array): Promise<{ socket: Socket; peer: TcpSocket; heard: unknown[] }> {
  const { promise, resolve } = Promise.withResolvers<TcpSocket>();
  upgrade = (connection, key) => {
    accept(connection, key, behind);
    resolve(connection);
  };
  const socket = await nodeSocket!(url, { authorization: 'Bearer x' });
  const heard: unknown[] = [];
  socket.addEventListener('message', ({ data }) => heard.push(data));
  socket.addEventListener('close', () => heard.push('closed'));
  return { socket, peer: await promise, heard };
}

/** What comes next from a client, without masks: first byte and payload. */
async function said(peer: TcpSocket): Promise<[number, Buffer]> {
  const [bytes] = (await once(peer, 'data')) as [Buffer];
  const length = bytes[1]! & 0x7f;
  const mask = bytes.subarray(2, 6);
  return [
    bytes[0]!,
    Buffer.from(bytes.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]!)),
  ];
}

const until = async (heard: unknown[], count: number): Promise<void> => {
  while (heard.length < count) await new Promise(setImmediate);
};

describe('a socket of Node', () => {
  it('hands on bytes that came with the opening as they are, and nothing of what lies beside them in memory', async () => {
    const { heard, peer } = await open(Buffer.from([0x82, 3, 7, 8, 9]));
    await until(heard, 1);
    expect(new Uint8Array(heard[0] as ArrayBuffer)).toEqual(new Uint8Array([7, 8, 9]));
    peer.destroy();
  });

  it('is opened with the headers, and hears what came with the opening', async () => {
    const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
    upgrade = (connection, key, headers) => {
      accept(connection, key);
      connection.write(text('hello'));
      resolve(headers);
    };
    const socket = await nodeSocket!(url, { authorization: 'Bearer x' });
    const heard = new Promise((hear) => socket.addEventListener('message', ({ data }) => hear(data)));
    expect(await promise).toMatchObject({
      authorization: 'Bearer x',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
    });
    expect(await heard).toBe('hello');
    socket.close();
  });

  it('hears messages in parts, with pings between them, which it answers', async () => {
    const { socket, peer, heard } = await open();
    peer.write(Buffer.concat([text('gr', 0x01), text('?', 0x89), Buffer.from([0x80, 3, 0xc3, 0xbc, 0x6e])]));
    expect(await said(peer)).toEqual([0x8a, Buffer.from('?')]);
    await until(heard, 1);
    peer.write(Buffer.concat([text('ab', 0x02), text('', 0x00), text('c', 0x80)]));
    await until(heard, 2);
    expect(heard[0]).toBe('grün');
    expect(Buffer.from(heard[1] as ArrayBuffer).toString()).toBe('abc');
    socket.close();
  });

  it('says what it is told to, and closes with its code', async () => {
    const { socket, peer, heard } = await open();
    socket.send('ping');
    expect(await said(peer)).toEqual([0x81, Buffer.from('ping')]);
    socket.send(Uint8Array.of(1, 2));
    expect(await said(peer)).toEqual([0x82, Buffer.from([1, 2])]);
    socket.close(1000, 'done');
    expect(await said(peer)).toEqual([0x88, Buffer.from([3, 232, ...Buffer.from('done')])]);
    peer.end(Buffer.from([0x88, 2, 3, 232]));
    await until(heard, 1);
    expect(heard).toEqual(['closed']);
    socket.send('too late');
    socket.close();
  });

  it('answers a close and ends', async () => {
    const { peer, heard, socket } = await open();
    peer.write(Buffer.from([0x88, 2, 0x11, 0x31]));
    expect(await said(peer)).toEqual([0x88, Buffer.from([0x11, 0x31])]);
    expect(socket.readyState).toBe(2);
    peer.end();
    await until(heard, 1);
    expect(heard).toEqual(['closed']);
  });

  it.each<[string, (peer: TcpSocket) => void]>([
    ['is cut', (peer) => peer.resetAndDestroy()],
    ['ends within a frame', (peer) => peer.end(Buffer.from([0x81, 10, 65]))],
    ['brings a masked frame', (peer) => peer.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 65]))],
    ['brings a part of nothing', (peer) => peer.write(text('a', 0x80))],
    ['brings a message within another', (peer) => peer.write(Buffer.concat([text('a', 0x01), text('b')]))],
    ['brings text that is none', (peer) => peer.write(Buffer.from([0x81, 1, 0xff]))],
  ])('is closed when it %s', async (_, happen) => {
    const { peer, heard, socket } = await open();
    happen(peer);
    await until(heard, 1);
    expect(heard).toEqual(['closed']);
    expect(socket.readyState).toBe(3);
  });
});

describe('no socket of Node is opened', () => {
  it('where the server refuses', async () => {
    upgrade = (connection) => connection.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
    await expect(nodeSocket!(url, {})).rejects.toThrow('status 403');
  });

  it('where the server does not know the protocol', async () => {
    upgrade = (connection) =>
      connection.write(
        'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: x\r\n\r\n',
      );
    await expect(nodeSocket!(url, {})).rejects.toThrow('no WebSocket was opened');
  });

  it('where nobody listens', async () => {
    await expect(nodeSocket!('ws://127.0.0.1:1/', {})).rejects.toThrow('ECONNREFUSED');
  });

  it('where the connection breaks first', async () => {
    upgrade = (connection) => connection.destroy();
    await expect(nodeSocket!(url, {})).rejects.toThrow();
  });
});
