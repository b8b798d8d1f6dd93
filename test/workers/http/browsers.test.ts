/** Browsers at the door of a running broker: foreign pages, other hosts, preflights, and the headers of every reply. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import { operations, type Operation } from '../../../protocol/operations/index.ts';
import { LISTS, withoutCounts } from '../../support/definition-lists.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const APP = 'https://app.example';
const QUEUE = '/v1/default/queues/jobs';
const RECORDS = '/v1/default/topics/events/partitions/0/records';

let broker: TestBroker;
let port: number;
const logged: string[] = [];
const agent = new Agent({ keepAlive: true });

beforeAll(async () => {
  broker = await TestBroker.start({
    vars: { POSTHORN_CORS_ORIGINS: `${APP}, null, https://*.example` },
    onLog: ({ message }) => logged.push(message),
  });
  port = Number(new URL(broker.url).port);
  await broker.declare('events');
  await broker.produce('events', [{ value: 'kept' }]);
  await broker.call('PUT', QUEUE, {});
  await broker.call('POST', `${QUEUE}/messages`, { messages: [{ body: 'kept' }] });
});
afterAll(async () => {
  agent.destroy();
  await broker.stop();
});

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** As a browser sends it: with whatever Host, Origin and other headers. */
async function send(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
  to = port,
): Promise<Answer> {
  const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(body.length) };
  const request = httpRequest({
    port: to,
    host: '127.0.0.1',
    method,
    path,
    headers: { ...length, ...headers },
    agent: to === port ? agent : false,
  });
  request.end(body);
  const first = await Promise.race([once(request, 'response'), once(request, 'upgrade')]);
  const [response, socket] = first as [IncomingMessage, { destroy(): void } | undefined];
  if (socket !== undefined) {
    socket.destroy();
    return { status: response.statusCode!, headers: response.headers, body: '' };
  }
  return { status: response.statusCode!, headers: response.headers, body: await text(response) };
}

const codeOf = ({ body }: Answer): string => (JSON.parse(body) as ProblemDocument).code;

async function snapshot(): Promise<unknown> {
  const all = [...LISTS.map((path) => `/v1/default/${path}`), `${QUEUE}/messages`, RECORDS];
  return withoutCounts(
    (await Promise.all(all.map((path) => send('GET', path)))).map(({ body }) => JSON.parse(body)),
  );
}

/** A path of the operation that leads to something there is, as far as there is one. */
function pathOf({ path }: Operation): string {
  const known: Record<string, string> = {
    namespace: 'default',
    topic: 'events',
    queue: 'jobs',
    partition: '0',
  };
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => known[name] ?? 'any');
}

/** What Chromium sends from hostile pages, each combination once. */
const hostileHeaders = (() => {
  const file = join(import.meta.dirname, '../../core/access/browsers/vectors/chromium-156.jsonl');
  const sets = new Map<string, Record<string, string>>();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const {
      host: _,
      referer: __,
      accept: ___,
      ...headers
    } = (JSON.parse(line) as { headers: Record<string, string> }).headers;
    if (headers['content-type']?.startsWith('multipart'))
      headers['content-type'] = 'multipart/form-data; boundary=x';
    delete headers['upgrade'];
    sets.set(JSON.stringify(headers).replaceAll(/:\d+/g, ''), headers);
  }
  return [...sets.values()];
})();

describe('a broker without a token', () => {
  it('does nothing for a hostile page: every operation, all that a real browser sends', async () => {
    const before = await snapshot();
    expect(hostileHeaders.length).toBeGreaterThan(10);
    for (const operation of Object.values(operations)) {
      const body = operation.method === 'get' ? undefined : '{"messages":[{"body":"evil"}]}';
      const path = pathOf(operation);
      const answers = hostileHeaders.map((headers) =>
        send(operation.method.toUpperCase(), path, headers, body),
      );
      for (const answer of await Promise.all(answers)) {
        expect([operation.id, answer.status, codeOf(answer)]).toEqual([operation.id, 403, 'foreign_page']);
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      }
    }
    expect(await snapshot()).toEqual(before);
  });

  it('does nothing for another host: every operation', async () => {
    const before = await snapshot();
    for (const operation of Object.values(operations)) {
      const host = `evil.example:${port}`;
      const rebound = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' };
      const answer = await send(operation.method.toUpperCase(), pathOf(operation), rebound);
      expect([operation.id, answer.status, codeOf(answer)]).toEqual([operation.id, 403, 'host_not_local']);
    }
    expect(await snapshot()).toEqual(before);
  });

  it('opens no socket for a foreign page or another host, and one for its own', async () => {
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-version': '13',
    };
    const open = async (headers: Record<string, string>): Promise<number> =>
      (await send('GET', `${QUEUE}/stream`, { ...upgrade, ...headers })).status;
    expect(await open({ origin: 'https://evil.example' })).toBe(403);
    expect(await open({ origin: 'null' })).toBe(403);
    expect(await open({ host: 'evil.example', origin: 'http://evil.example' })).toBe(403);
    expect(await open({})).toBe(101);
    expect(await open({ origin: broker.url })).toBe(101);
    expect(await open({ origin: APP })).toBe(101);
  });

  it.each(['localhost', 'LOCALHOST:1', 'localhost.:80', '[::1]:8787', '127.0.0.9', 'posthorn.localhost'])(
    'answers to %s',
    async (host) => expect((await send('GET', '/v1/default/queues', { host })).status).toBe(200),
  );

  it.each([
    'evil.example',
    'localhost.evil.example',
    '0.0.0.0:8787',
    '10.0.0.1',
    '[::]',
    'evil@localhost',
    'posthorn',
  ])('does not answer to %s', async (host) =>
    expect((await send('GET', '/v1/default/queues', { host })).status).not.toBe(200),
  );

  it('reads no host out of the request target, and takes no second one', async () => {
    const heads = [
      `GET http://localhost/v1/default/queues HTTP/1.1\r\nHost: evil.example\r\n`,
      `GET http://evil.example/v1/default/queues HTTP/1.1\r\nHost: localhost\r\n`,
      `GET /v1/default/queues HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n`,
      `GET /v1/default/queues HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n`,
    ];
    for (const head of heads) {
      const socket = connect(port, '127.0.0.1');
      socket.write(`${head}Connection: close\r\n\r\n`);
      expect(await text(socket)).not.toContain('"jobs"');
    }
  });

  it('stays easy for curl, which sends forms and no types', async () => {
    for (const type of [undefined, 'application/x-www-form-urlencoded', 'text/plain']) {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
      const answer = await send(
        'POST',
        '/v1/default/topics/events/records',
        headers,
        '{"records":[{"value":1}]}',
      );
      expect(answer.status).toBe(200);
    }
  });
});

describe('pages of listed origins', () => {
  it('ask before they send, on every path, and may read the replies', async () => {
    const paths = [...Object.values(operations).map(pathOf), '/healthz', '/openapi.json', '/', '/nowhere'];
    for (const path of new Set(paths)) {
      const { status, headers, body } = await send('OPTIONS', path, {
        origin: APP,
        'access-control-request-method': 'DELETE',
        'access-control-request-headers': 'authorization,content-type,traceparent',
        'access-control-request-private-network': 'true',
      });
      expect([path, status, body]).toEqual([path, 204, '']);
      expect(headers).toMatchObject({
        'access-control-allow-origin': APP,
        'access-control-allow-methods': expect.stringContaining('DELETE'),
        'access-control-allow-headers': 'authorization,content-type,traceparent',
        'access-control-allow-private-network': 'true',
        'access-control-max-age': '7200',
        vary: 'origin',
      });
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    }
    const reply = await send('GET', RECORDS, { origin: APP, 'sec-fetch-site': 'cross-site' });
    expect(reply.status).toBe(200);
    expect(reply.headers['access-control-allow-origin']).toBe(APP);
    expect(reply.headers['access-control-expose-headers']).toContain('posthorn-topology-version');
    const failed = await send('GET', '/v1/default/queues/none', { origin: APP });
    expect([failed.status, failed.headers['access-control-allow-origin']]).toEqual([404, APP]);
  });

  it('are exactly those that the setting names', async () => {
    for (const origin of [
      'null',
      'https://other.example',
      'https://*.example',
      'http://app.example',
      `${APP}:8443`,
    ]) {
      const preflight = await send('OPTIONS', QUEUE, { origin, 'access-control-request-method': 'DELETE' });
      expect([origin, preflight.status, codeOf(preflight)]).toEqual([origin, 403, 'foreign_page']);
      expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
    }
    for (const entry of ['null', 'https://*.example'])
      expect(logged).toContain(`POSTHORN_CORS_ORIGINS: "${entry}" is not an origin and is ignored`);
  });
});

describe('a broker that asks for a token', () => {
  it('answers to any host, and not to what a browser sends by itself from another page', async () => {
    const guarded = await TestBroker.start({
      vars: { POSTHORN_ROOT_TOKEN: 'a-root-token-of-the-tests-0123456789' },
    });
    try {
      const to = Number(new URL(guarded.url).port);
      const get = (path: string, headers: Record<string, string>): Promise<Answer> =>
        send('GET', path, { host: 'broker.example', ...headers }, undefined, to);
      expect((await get('/healthz', {})).status).toBe(200);
      const page = { origin: APP, 'sec-fetch-site': 'cross-site' };
      expect(codeOf(await get('/v1/default/queues', page))).toBe('foreign_page');
      expect(codeOf(await get('/v1/default/queues', { ...page, authorization: 'Basic eDp5' }))).toBe(
        'foreign_page',
      );
      const stated = await get('/v1/default/queues', { ...page, authorization: 'Bearer x' });
      expect(stated.body).not.toContain('foreign_page');
      expect(stated.headers['access-control-allow-origin']).toBeUndefined();
    } finally {
      await guarded.stop();
    }
  });
});

describe('every reply', () => {
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-version': '13',
  };
  it.each<[what: string, method: string, path: string, headers?: Record<string, string>]>([
    ['a list', 'GET', '/v1/default/queues'],
    ['records', 'GET', RECORDS],
    ['records as bytes', 'GET', RECORDS, { accept: 'application/vnd.kafka.record-batch.v2' }],
    ['a long poll with signs of life', 'GET', `${RECORDS}?offset=latest&wait_ms=1300`],
    ['dead letters as lines', 'GET', `${QUEUE}/dead-letters/export`],
    ['a socket', 'GET', `${QUEUE}/stream`, upgrade],
    ['the health', 'GET', '/healthz'],
    ['the contract', 'GET', '/openapi.json'],
    ['a failure', 'GET', '/v1/default/queues/none'],
    ['an unknown path', 'GET', '/nowhere'],
    ['a method that is not there', 'DELETE', '/v1/default/queues'],
    ['a malformed path', 'GET', '/v1/default/queues/%ff'],
    ['a refused page', 'GET', '/', { origin: 'https://evil.example' }],
    ['a preflight', 'OPTIONS', '/', { origin: APP, 'access-control-request-method': 'GET' }],
    ['HEAD', 'HEAD', '/healthz'],
  ])('has the security headers: %s', async (_, method, path, headers = {}) => {
    const reply = await send(method, path, headers);
    expect(reply.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
  });
});
