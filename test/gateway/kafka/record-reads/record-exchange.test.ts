/** Record exchange: which requests go over connections of its own, and what it gives to the usual exchange. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { giveReplyBufferBack } from '../../../../gateway/kafka/record-reads/reply-buffers.ts';
import { recordExchange } from '../../../../gateway/kafka/record-reads/record-exchange.ts';
import { RECORD_BATCH_TYPE } from '../../../../protocol/headers/media-types.ts';
import type { ExchangeInit, Reply } from '../../../../sdk/client/http/exchange.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const USUAL: Reply = { status: 299, headers: { get: () => null }, bytes: new Uint8Array() };

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function exchangeWith(answer: Answer) {
  let connections = 0;
  let requests = 0;
  server = createServer((request, response) => {
    requests++;
    answer(request, response);
  });
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const usual = vi.fn(async () => USUAL);
  const exchange = recordExchange(usual);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const read = (path: string, more: Partial<ExchangeInit> = {}): Promise<Reply> =>
    exchange(`${url}${path}`, {
      method: 'GET',
      headers: { accept: RECORD_BATCH_TYPE },
      body: undefined,
      signal: new AbortController().signal,
      ...more,
    });
  return { read, usual, connections: () => connections, requests: () => requests };
}

const bodyOf = (path: string): Buffer => Buffer.alloc(Number(path.slice(2)), path[1]);

/** Replies with the letter of the path, as often as the number there says. */
const letters: Answer = ({ url = '' }, response) => {
  const body = bodyOf(url);
  response.setHeader('content-length', body.length).setHeader('Next-Offset', '7').end(body);
};

it('reads replies of all sizes over one connection', async () => {
  const { read, usual, connections } = await exchangeWith(letters);
  for (const path of ['/a0', '/b1', '/c65536', '/d1000000', '/e3000000', '/f10']) {
    const { status, headers, bytes } = await read(path);
    expect([status, headers.get('next-offset')]).toEqual([200, '7']);
    expect(bodyOf(path).equals(bytes), path).toBe(true);
    giveReplyBufferBack(bytes);
  }
  expect([usual.mock.calls.length, connections()]).toEqual([0, 1]);
});

it('reads heads of all sizes up to 16 KiB, and asks in the usual way beyond', async () => {
  const { read, usual } = await exchangeWith((request, response) => {
    const length = Number(request.headers['x-length']);
    for (let at = 0; at < length; at += 1_000) response.setHeader(`x-${at}`, 'h'.repeat(1_000));
    letters(request, response);
  });
  const of = (length: number): Promise<Reply> =>
    read('/a70000', { headers: { accept: RECORD_BATCH_TYPE, 'x-length': String(length) } });
  for (const length of [0, 3_000, 4_000, 5_000, 9_000, 15_000]) {
    const { headers, bytes } = await of(length);
    expect(headers.get(`x-${Math.max(0, length - 1_000)}`)?.length ?? 0).toBe(length && 1_000);
    expect(bodyOf('/a70000').equals(bytes)).toBe(true);
  }
  expect(usual).not.toHaveBeenCalled();
  expect(await of(17_000)).toBe(USUAL);
});

it('takes no buffer that is in use, and uses again what was given back, once', async () => {
  const { read } = await exchangeWith(letters);
  const first = (await read('/a100000')).bytes;
  const second = (await read('/b100000')).bytes;
  expect(first.buffer).not.toBe(second.buffer);
  giveReplyBufferBack(first);
  giveReplyBufferBack(first);
  const [third, fourth] = [(await read('/c100000')).bytes, (await read('/d90000')).bytes];
  expect(third.buffer).toBe(first.buffer);
  expect(fourth.buffer).not.toBe(first.buffer);
  expect(bodyOf('/b100000').equals(second)).toBe(true);
  expect(bodyOf('/c100000').equals(third)).toBe(true);
});

it('returns refusals as they are', async () => {
  const { read, usual } = await exchangeWith((_, response) => {
    response.writeHead(404, { 'content-length': 2 }).end('no');
  });
  expect(await read('/')).toMatchObject({ status: 404, bytes: new Uint8Array([110, 111]) });
  expect(usual).not.toHaveBeenCalled();
});

it.each<[string, Answer]>([
  ['in chunks', (_, response) => void (response.write('a'), response.end('b'))],
  ['elsewhere', (_, response) => void response.writeHead(302, { location: '/', 'content-length': 0 }).end()],
])('asks in the usual way from then on if a reply is %s', async (_, answer) => {
  const { read, usual, requests } = await exchangeWith(answer);
  expect([await read('/'), await read('/')]).toEqual([USUAL, USUAL]);
  expect([usual.mock.calls.length, requests()]).toEqual([2, 1]);
});

it('asks once more in the usual way if the connection breaks within a reply', async () => {
  let isBroken = true;
  const { read, usual } = await exchangeWith((request, response) => {
    if (!isBroken) return letters(request, response);
    isBroken = false;
    response.setHeader('content-length', 10).write('half', () => response.destroy());
  });
  expect(await read('/a3')).toBe(USUAL);
  expect((await read('/b3')).bytes).toEqual(new Uint8Array(bodyOf('/b3')));
  expect(usual).toHaveBeenCalledTimes(1);
});

it('ends a read whose signal fires, and asks nobody else', async () => {
  const { read, usual, requests } = await exchangeWith(() => {});
  const controller = new AbortController();
  const abort = async (): Promise<void> => {
    await vi.waitFor(() => expect(requests()).toBe(1));
    controller.abort(new Error('enough'));
  };
  const reading = read('/', { signal: controller.signal });
  await Promise.all([expect(reading).rejects.toThrow('enough'), abort()]);
  expect(usual).not.toHaveBeenCalled();
});

it.each<[string, Partial<ExchangeInit>]>([
  ['ends a header', { headers: { accept: RECORD_BATCH_TYPE, authorization: 'a\r\nb: c' } }],
  ['is no text of headers', { headers: { accept: RECORD_BATCH_TYPE, authorization: 'é' } }],
  ['asks for JSON', { headers: { accept: 'application/json' } }],
  ['is no read', { method: 'POST' }],
])('gives to the usual exchange what %s', async (_, more) => {
  const { read, usual, requests } = await exchangeWith(letters);
  expect(await read('/a1', more)).toBe(USUAL);
  expect([usual.mock.calls.length, requests()]).toEqual([1, 0]);
});
