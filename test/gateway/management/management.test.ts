/** The management API: what rabbitmqadmin and monitoring plugins ask for. */

import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManagementServer } from '../../../gateway/management/management-server.ts';
import { LockedBroker } from '../../workers/access/support.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { basic, callManagement, type CallOptions } from './management-calls.ts';

let broker: TestBroker;
let server: ManagementServer;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'asks every queue of every namespace' });
  server = await ManagementServer.start({ url: broker.url, port: 0 });
});
afterAll(async () => {
  await server?.stop();
  await broker?.stop();
});

const call = <Body>(
  method: string,
  path: string,
  body?: object,
  options: CallOptions = {},
): Promise<{ status: number; body: Body }> => callManagement(server, method, path, { body, ...options });

const statusOf = async (...args: Parameters<typeof call>): Promise<number> => (await call(...args)).status;

const QUEUE = `queues/%2F/${encodeURIComponent('a queue/1')}`;

describe('the management API', () => {
  it('declares, shows, fills, reads and deletes', async () => {
    expect(await statusOf('PUT', 'exchanges/%2F/m-x', { type: 'topic', auto_delete: 'false' })).toBe(201);
    expect(await statusOf('PUT', QUEUE, { arguments: { 'x-max-priority': 5 } })).toBe(201);
    const binding = `bindings/%2F/e/m-x/q/${encodeURIComponent('a queue/1')}`;
    expect(await statusOf('POST', binding, { routing_key: 'a.#', arguments: {} })).toBe(201);
    const message = { routing_key: 'a.b', payload: 'aGk=', payload_encoding: 'base64' };
    const properties = { priority: 3, headers: { tries: 2 } };
    const published = await call('POST', 'exchanges/%2F/m-x/publish', { ...message, properties });
    expect(published).toEqual({ status: 200, body: { routed: true } });
    expect((await call('GET', QUEUE)).body).toMatchObject({
      name: 'a queue/1',
      vhost: '/',
      messages: 1,
      arguments: { 'x-max-priority': 5 },
    });
    const get = { count: '5', ackmode: 'ack_requeue_true', encoding: 'auto' };
    const [taken] = (await call<object[]>('POST', `${QUEUE}/get`, get)).body;
    expect(taken).toMatchObject({ payload: 'hi', routing_key: 'a.b', exchange: 'm-x', properties });
    await expect
      .poll(
        async () => (await call<object[]>('POST', `${QUEUE}/get`, { ackmode: 'ack_requeue_false' })).body,
        {
          timeout: 20_000,
        },
      )
      .toMatchObject([{ payload: 'hi', redelivered: true }]);
    expect(await statusOf('DELETE', `${QUEUE}/contents`)).toBe(204);
    const ofQueue = (await call<{ source: string }[]>('GET', `${QUEUE}/bindings`)).body;
    expect(ofQueue.map(({ source }) => source)).toEqual(['', 'm-x']);
    const [shown] = (await call<{ properties_key: string }[]>('GET', binding)).body;
    expect(await statusOf('DELETE', `${binding}/${encodeURIComponent(shown!.properties_key)}`)).toBe(204);
    expect((await call('GET', binding)).body).toEqual([]);
    expect(await statusOf('DELETE', QUEUE)).toBe(204);
    expect(await statusOf('GET', QUEUE)).toBe(404);
    expect(await statusOf('DELETE', 'exchanges/%2F/m-x')).toBe(204);
  });

  it.each([
    'overview',
    'nodes',
    'vhosts',
    'whoami',
    'aliveness-test/%2F',
    'connections',
    'channels',
    'consumers',
    'cluster-name',
    'healthchecks/node',
    'users',
    'users/guest',
    'permissions',
    'permissions/%2F/guest',
    'users/guest/permissions',
    'policies/%2F',
    'parameters/shovel/%2F',
    'user-limits/guest',
    'vhost-limits/%2F',
    'feature-flags',
    'health/checks/alarms',
    'health/checks/node-is-quorum-critical',
    'connections?page=1',
    'connections/',
    'queues/%2F/',
  ])('answers %s', async (path) => expect(await statusOf('GET', path)).toBe(200));

  it('sends a page of a list, in the order and with the columns that were asked for', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) {
      expect(await statusOf('PUT', `queues/%2F/${name}`, {})).toBe(201);
    }
    await broker.call('POST', '/v1/default/queues/page-b/messages', { messages: [{ body: 1 }] });
    const counts = {
      total_count: expect.any(Number) as number,
      filtered_count: 3,
      page_size: 2,
      page_count: 2,
    };
    expect((await call('GET', 'queues?page=1&page_size=2&name=page&sort=name&columns=name')).body).toEqual({
      ...counts,
      page: 1,
      item_count: 2,
      items: [{ name: 'page-a' }, { name: 'page-b' }],
    });
    const byMessages = 'queues/%2F?page=2&page_size=2&name=page&sort=messages&columns=name,messages';
    expect((await call('GET', byMessages)).body).toMatchObject({ items: [{ name: 'page-b', messages: 1 }] });
    const reversed = 'queues?sort=name&sort_reverse=true&name=page&columns=name';
    expect((await call('GET', reversed)).body).toEqual([
      { name: 'page-c' },
      { name: 'page-b' },
      { name: 'page-a' },
    ]);
    const nested = await call('GET', 'overview?columns=queue_totals.messages_ready,node');
    expect(nested.body).toEqual({
      node: 'posthorn@gateway',
      queue_totals: { messages_ready: expect.any(Number) as number },
    });
    for (const name of ['page-a', 'page-b', 'page-c']) await call('DELETE', `queues/%2F/${name}`);
  });

  it('reports its process as a node that monitoring plugins can divide by', async () => {
    const [node] = (await call<Record<string, number>[]>('GET', 'nodes')).body;
    for (const [used, total] of [
      ['mem_used', 'mem_limit'],
      ['fd_used', 'fd_total'],
      ['proc_used', 'proc_total'],
      ['sockets_used', 'sockets_total'],
    ] as const) {
      expect(node![used], used).toBeLessThan(node![total]!);
    }
    expect(node).toMatchObject({ running: true, partitions: [], mem_alarm: false, disk_free_alarm: false });
    expect(await statusOf('GET', 'nodes/posthorn@gateway')).toBe(200);
  });

  it('counts in its overview what the namespaces hold, without asking their queues', async () => {
    await broker.call('PUT', '/v1/default/queues/counted', {});
    await broker.call('POST', '/v1/default/queues/counted/messages', {
      messages: [{ body: 1 }, { body: 2 }],
    });
    const ready = async (): Promise<number> => {
      const { body } = await call<{ queue_totals: { messages_ready: number } }>('GET', 'overview');
      return body.queue_totals.messages_ready;
    };
    await expect.poll(ready, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    expect(await statusOf('DELETE', 'queues/%2F/counted')).toBe(204);
  });

  it('exports definitions, and says of an import what was taken and what has no counterpart', async () => {
    const definitions = {
      rabbit_version: '3.10.8',
      users: [{ name: 'shop', password_hash: 'x', tags: [] }],
      vhosts: [{ name: '/' }],
      permissions: [],
      policies: [
        { vhost: '/', name: 'ha', pattern: '^ha\\.', definition: { 'ha-mode': 'all' } },
        {
          vhost: '/',
          name: 'd-p',
          pattern: '^p-',
          definition: { 'message-ttl': 5_000 },
          'apply-to': 'queues',
        },
      ],
      exchanges: [{ name: 'd-x', vhost: '/', type: 'direct', durable: true, arguments: {} }],
      queues: [
        { name: 'd-q', vhost: '/', durable: true, auto_delete: false, arguments: { 'x-max-length': 9 } },
        { name: 'd-s', vhost: '/', durable: true, arguments: { 'x-queue-type': 'stream' } },
      ],
      bindings: [
        {
          source: 'd-x',
          vhost: '/',
          destination: 'd-q',
          destination_type: 'queue',
          routing_key: 'k',
          arguments: {},
        },
      ],
    };
    const { status, body } = await call<{ left_out: { kind: string; name: string }[] }>(
      'POST',
      'definitions',
      definitions,
    );
    expect([status, body]).toMatchObject([
      200,
      { taken: { queues: 1, exchanges: 1, bindings: 1, policies: 1 } },
    ]);
    expect(body.left_out.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'queues d-s',
      'policies ha',
      'users shop',
    ]);
    const exported = (await call<typeof definitions>('GET', 'definitions')).body;
    expect(exported.queues).toContainEqual(definitions.queues[0]);
    expect(exported.bindings).toContainEqual(definitions.bindings[0]);
  });

  it.each([
    ['a path that there is not', 'GET', 'nothing', undefined, 404],
    ['an unknown virtual host', 'GET', 'queues/nowhere', undefined, 404],
    ['an argument of streams', 'PUT', 'queues/%2F/bad', { arguments: { 'x-max-age': '1D' } }, 400],
    ['an unknown type', 'PUT', 'exchanges/%2F/bad', { type: 'x-strange' }, 400],
    ['a list', 'PUT', 'queues/%2F/bad', [], 400],
    ['a new user', 'PUT', 'users/ada', { password: 'x', tags: '' }, 400],
    ['a page beyond the last', 'GET', 'queues?page=99', undefined, 400],
    ['a page of no size', 'GET', 'queues?page=1&page_size=0', undefined, 400],
    ['a regular expression', 'GET', 'queues?page=1&name=(a%2B)%2B&use_regex=true', undefined, 400],
    ['a port without a listener', 'GET', 'health/checks/port-listener/5672', undefined, 503],
    ['a check that there is not', 'GET', 'health/checks/moon', undefined, 404],
    ['a policy', 'GET', 'policies/%2F/none', undefined, 404],
    ['a parameter', 'GET', 'parameters/shovel/%2F/none', undefined, 404],
    ['another user', 'GET', 'users/ada', undefined, 404],
    ['another node', 'GET', 'nodes/rabbit@elsewhere', undefined, 404],
    ['broken encoding', 'GET', 'queues/%2F/%E0%A4', undefined, 400],
  ])('refuses %s', async (_, method, path, body, status) => {
    expect(await statusOf(method, path, body)).toBe(status);
  });

  it('lets in nobody else, and no page that has given its name this address', async () => {
    expect(await statusOf('GET', 'overview', undefined, { login: 'guest:wrong' })).toBe(401);
    const { promise, resolve } = Promise.withResolvers<number>();
    const headers = { host: 'evil.example', authorization: basic('guest:guest'), connection: 'close' };
    request({ port: server.port, path: '/api/overview', headers }, (reply) =>
      resolve(reply.statusCode!),
    ).end();
    expect(await promise).toBe(403);
  });

  it('takes tokens as passwords, each for its namespace', async () => {
    const locked = await LockedBroker.start();
    await locked.namespace('team');
    const { token } = await locked.token('team', { roles: ['admin'] });
    const guarded = await ManagementServer.start({ url: locked.broker.url, port: 0 });
    try {
      const as = { login: `anybody:${token}`, port: guarded.port };
      expect(await statusOf('PUT', 'queues/team/jobs', {}, as)).toBe(201);
      expect(await statusOf('GET', 'queues/%2F', undefined, as)).toBe(403);
      expect(await statusOf('GET', 'overview', undefined, { ...as, login: 'guest:guest' })).toBe(401);
    } finally {
      await guarded.stop();
      await locked.broker.stop();
    }
  });
});
