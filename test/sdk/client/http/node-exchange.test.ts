/** Requests over `node:http`: they do what `fetch` would, and leave to it what an application has arranged there. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { messageOf } from '../../../../sdk/errors.ts';
import { exchangeByFetch, type Exchange } from '../../../../sdk/client/http/exchange.ts';
import { platformExchange } from '../../../../sdk/client/http/platform-exchange.ts';

let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;
const connections = new Set<unknown>();

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(request, response, Buffer.concat(chunks)));
  });
  server.on('connection', (socket) => connections.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
afterEach(() => vi.unstubAllGlobals());

const init = (fields: Partial<Parameters<Exchange>[1]> = {}): Parameters<Exchange>[1] => ({
  method: 'POST',
  headers: {},
  body: undefined,
  signal: new AbortController().signal,
  ...fields,
});

const echo: typeof answer = ({ method, url: path, headers }, response, body) => {
  response.setHeader('x-echo', 'yes');
  response.statusCode = 201;
  response.end(JSON.stringify({ method, path, length: headers['content-length'], text: body.toString() }));
};

describe.each([
  ['node:http', platformExchange],
  ['fetch', exchangeByFetch((address, fields) => fetch(address, fields))],
])('an exchange by %s', (_name, exchange) => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('sends a body with %s', async (method) => {
    answer = echo;
    const { status, headers, bytes } = await exchange(`${url}/a?b=1,2`, init({ method, body: 'grün' }));
    expect([status, headers.get('X-Echo'), headers.get('x-other')]).toEqual([201, 'yes', null]);
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({
      method,
      path: '/a?b=1,2',
      length: '5',
      text: 'grün',
    });
  });

  it('reads replies of any size into a buffer of their own', async () => {
    for (const size of [0, 1, 3_000_000]) {
      answer = (_request, response) => response.end(Buffer.alloc(size, 7));
      const { bytes } = await exchange(`${url}/`, init({ method: 'GET' }));
      expect([bytes.length, bytes.byteOffset, bytes.buffer.byteLength]).toEqual([size, 0, size]);
    }
  });

  it('rejects if the reply breaks off, if nobody listens, and when it is aborted', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
      setImmediate(() => response.destroy());
    };
    await expect(exchange(`${url}/`, init())).rejects.toThrow();
    await expect(exchange('http://127.0.0.1:1/', init())).rejects.toThrow();
    const controller = new AbortController();
    answer = ({ socket }) => {
      socket.on('close', () => closed.resolve());
      controller.abort(new Error('no more'));
    };
    const closed = Promise.withResolvers<void>();
    await expect(exchange(`${url}/`, init({ signal: controller.signal }))).rejects.toThrow('no more');
    await closed.promise;
  });

  it('follows a redirection', async () => {
    answer = (request, response, body) => {
      if (request.url === '/to') return echo(request, response, body);
      response.writeHead(307, { location: '/to' }).end();
    };
    const { bytes } = await exchange(`${url}/from`, init({ body: 'on' }));
    expect(JSON.parse(new TextDecoder().decode(bytes))).toMatchObject({ path: '/to', text: 'on' });
  });
});

it('says why no address of a host can be reached', async () => {
  const error = await platformExchange('http://localhost:1/', init()).catch((cause: unknown) => cause);
  expect(messageOf(error)).toContain('ECONNREFUSED');
});

it('a connection is used again by `node:http`', async () => {
  answer = echo;
  await platformExchange(`${url}/`, init());
  const before = connections.size;
  for (let i = 0; i < 10; i++) await platformExchange(`${url}/`, init());
  expect(connections.size).toBe(before);
});

describe('what an application has arranged for `fetch`', () => {
  const stub = (): ReturnType<typeof vi.fn> =>
    vi.fn(() => Promise.resolve(new Response('stubbed', { status: 202 })));

  it('is used if it has replaced it', async () => {
    vi.stubGlobal('fetch', stub());
    await expect(platformExchange(`${url}/`, init())).resolves.toMatchObject({ status: 202 });
  });

  it('is used with proxies by environment', async () => {
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    vi.resetModules();
    const started = await import('../../../../sdk/client/http/platform-exchange.ts');
    let agent: string | undefined;
    answer = (request, response, body) => {
      agent = request.headers['user-agent'];
      echo(request, response, body);
    };
    await started.platformExchange(`${url}/`, init());
    expect(agent).toBe('node'); // of `fetch`
    vi.unstubAllEnvs();
    vi.resetModules();
    await platformExchange(`${url}/`, init());
    expect(agent).toBeUndefined();
  });

  it('is used with a dispatcher of its own', async () => {
    answer = echo;
    await fetch(url); // makes the one of the platform
    const scope = globalThis as unknown as Record<symbol, object>;
    const key = Symbol.for('undici.globalDispatcher.1');
    const original = scope[key]!;
    const dispatch = vi.fn(() => {
      throw new Error('dispatched');
    });
    class MockAgent {
      dispatch = dispatch;
    }
    scope[key] = new MockAgent();
    try {
      await expect(platformExchange(`${url}/`, init())).rejects.toThrow();
      expect(dispatch).toHaveBeenCalled();
    } finally {
      scope[key] = original;
    }
  });
});
