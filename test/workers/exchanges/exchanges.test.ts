/** Exchanges, bindings and policies over HTTP. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  BindingList,
  BindingReply,
  BindingsDeclared,
  ExchangeList,
  ExchangeReply,
} from '../../../protocol/schemas/exchanges.ts';
import type { PolicyList, PolicyReply } from '../../../protocol/schemas/policies.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';

const NAMESPACE = '/v1/default';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
  await broker.declare('log');
});
afterAll(() => broker.stop());

const exchange = (name: string, declaration: object = {}): Promise<Reply<ExchangeReply>> =>
  broker.call('PUT', `${NAMESPACE}/exchanges/${name}`, declaration);
const bind = (source: string, kind: string, name: string, more: object = {}): Promise<Reply<BindingReply>> =>
  broker.call('POST', `${NAMESPACE}/exchanges/${source}/bindings`, { destination: { kind, name }, ...more });
const bindingsOf = async (path: string): Promise<BindingList['bindings']> =>
  (await broker.call<BindingList>('GET', `${NAMESPACE}/${path}/bindings`)).body.bindings;
const get = (path: string): Promise<Reply<never>> => broker.call('GET', `${NAMESPACE}/${path}`);

describe('declaring an exchange', () => {
  it('creates it with defaults and says what they are', async () => {
    const { status, body, headers } = await exchange('made', { type: 'topic' });
    expect(status).toBe(201);
    expect(body).toEqual({
      exchange: 'made',
      type: 'topic',
      internal: false,
      alternate_exchange: null,
      auto_delete: false,
      hash_header: null,
      predeclared: false,
      topology_version: body.topology_version,
    });
    expect(headers.get('posthorn-topology-version')).toBe(String(body.topology_version));
  });

  it('is idempotent, and compares only what is given', async () => {
    const first = await exchange('same', { type: 'fanout', internal: true });
    for (const declaration of [{ type: 'fanout', internal: true }, { type: 'fanout' }, {}]) {
      const { status, body } = await exchange('same', declaration);
      expect([status, body.topology_version]).toEqual([200, first.body.topology_version]);
    }
  });

  it('refuses another definition and names each difference', async () => {
    await exchange('other', { type: 'topic' });
    const { status, body } = await exchange('other', { type: 'direct', internal: true });
    expect([status, body]).toMatchObject([
      409,
      {
        code: 'exchange_differs',
        differing: [
          { field: 'type', is: 'topic', wanted: 'direct' },
          { field: 'internal', is: false, wanted: true },
        ],
      },
    ]);
    expect((await get('exchanges/other')).body).toMatchObject({ type: 'topic', internal: false });
  });

  it('leaves what belongs to the broker alone', async () => {
    for (const [name, declaration] of [
      ['amq.topic', { type: 'direct' }],
      ['amq.mine', {}],
      ['amq.default', {}],
    ] as const) {
      const { status, body } = await exchange(name, declaration);
      expect([status, body]).toMatchObject([403, { code: 'exchange_reserved' }]);
    }
    expect((await exchange('amq.topic', { type: 'topic' })).status).toBe(200);
    expect((await get('exchanges/amq.mine')).status).toBe(404);
  });

  it.each([
    ['a name that is too long', 'x'.repeat(300), {}, 'invalid_name'],
    ['a name with a control character', 'a%07b', {}, 'invalid_name'],
    ['a type that does not exist', 'bad', { type: 'x-random' }, 'invalid_field'],
    ['a field that does not exist', 'bad', { durable: true }, 'unknown_field'],
    ['an alternate of a bad name', 'bad', { alternate_exchange: 'a\nb' }, 'invalid_field'],
    ['a header to hash that nothing hashes', 'bad', { hash_header: 'key' }, 'invalid_field'],
    ['a list', 'bad', [], 'invalid_field'],
  ])('refuses %s', async (_, name, declaration, code) => {
    const { status, body } = await exchange(name, declaration);
    expect([status, body]).toMatchObject([400, { code }]);
    expect((await get('exchanges/bad')).status).toBe(404);
  });

  it('lists all, the predeclared ones first', async () => {
    await exchange('listed');
    const { body } = await broker.call<ExchangeList>('GET', `${NAMESPACE}/exchanges`);
    expect(body.exchanges.slice(0, 6).map((each) => [each.exchange, each.type])).toEqual([
      ['amq.default', 'direct'],
      ['amq.direct', 'direct'],
      ['amq.fanout', 'fanout'],
      ['amq.topic', 'topic'],
      ['amq.headers', 'headers'],
      ['amq.match', 'headers'],
    ]);
    expect(body.exchanges.filter(({ predeclared }) => predeclared)).toHaveLength(6);
    expect(body.exchanges.map((each) => each.exchange)).toContain('listed');
  });
});

describe('binding', () => {
  it('makes a binding once, with an id that is always the same', async () => {
    await exchange('b');
    const first = await bind('b', 'topic', 'log', { routing_key: 'k', arguments: { a: 1 } });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      source: 'b',
      destination: { kind: 'topic', name: 'log' },
      routing_key: 'k',
      arguments: { a: 1 },
    });
    const again = await bind('b', 'topic', 'log', { routing_key: 'k', arguments: { a: 1 } });
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect(await bindingsOf('exchanges/b')).toHaveLength(1);
    const listed = await bindingsOf('topics/log');
    expect(listed.map(({ id }) => id)).toContain(first.body.id);
  });

  it('goes by id', async () => {
    await exchange('unbound');
    const { body } = await bind('unbound', 'topic', 'log');
    const path = `${NAMESPACE}/exchanges/unbound/bindings/${body.id}`;
    expect((await broker.call('DELETE', path)).body).toMatchObject({ id: body.id, exchange_deleted: false });
    const { status, body: gone } = await broker.call('DELETE', path);
    expect([status, gone.code]).toEqual([404, 'binding_not_found']);
  });

  it('takes many at once, all or none', async () => {
    await exchange('many', { type: 'topic' });
    const bindings = Array.from({ length: 1_500 }, (_, n) => ({
      source: 'many',
      destination: { kind: 'topic', name: 'log' },
      routing_key: `k.${n}`,
    }));
    const post = (list: object[]): Promise<Reply<BindingsDeclared>> =>
      broker.call('POST', `${NAMESPACE}/bindings`, { bindings: list });
    const wrong = await post([
      ...bindings,
      { ...bindings[0], destination: { kind: 'queue', name: 'not-there' } },
    ]);
    expect([wrong.status, wrong.body]).toMatchObject([404, { code: 'queue_not_found', binding: 1_500 }]);
    expect(await bindingsOf('exchanges/many')).toEqual([]);
    expect((await post(bindings)).body.created).toBe(1_500);
    expect((await post(bindings)).body.created).toBe(0);
    const first = await broker.call<BindingList>('GET', `${NAMESPACE}/exchanges/many/bindings`);
    expect(first.body.bindings).toHaveLength(1_000);
    const rest = await broker.call<BindingList>(
      'GET',
      `${NAMESPACE}/exchanges/many/bindings?after=${first.body.next}`,
    );
    expect(rest.body.bindings).toHaveLength(500);
    expect(rest.body.next).toBeUndefined();
    const tooMany = await post(Array.from({ length: 5_001 }, () => bindings[0]!));
    expect([tooMany.status, tooMany.body]).toMatchObject([400, { code: 'invalid_field' }]);
  });

  it.each([
    ['an exchange that is not there', 'nowhere', 'topic', 'log', {}, 404, 'exchange_not_found'],
    ['to a queue that is not there', 'amq.direct', 'queue', 'nowhere', {}, 404, 'queue_not_found'],
    ['to a topic that is not there', 'amq.direct', 'topic', 'nowhere', {}, 404, 'topic_not_found'],
    ['to an exchange that is not there', 'amq.direct', 'exchange', 'nowhere', {}, 404, 'exchange_not_found'],
    ['to something else', 'amq.direct', 'stream', 'log', {}, 400, 'invalid_field'],
    ['from the default exchange', 'amq.default', 'topic', 'log', {}, 400, 'invalid_field'],
    ['to the default exchange', 'amq.direct', 'exchange', 'amq.default', {}, 400, 'invalid_field'],
    ['to a name of 300 characters', 'amq.direct', 'topic', 'x'.repeat(300), {}, 400, 'invalid_field'],
    [
      'with a routing key of 300 bytes',
      'amq.direct',
      'topic',
      'log',
      { routing_key: 'é'.repeat(150) },
      400,
      'invalid_field',
    ],
    [
      'with a match that does not exist',
      'amq.headers',
      'topic',
      'log',
      { arguments: { 'x-match': 'some' } },
      400,
      'invalid_field',
    ],
    ['with an unknown field', 'amq.direct', 'topic', 'log', { key: 'k' }, 400, 'unknown_field'],
  ])('refuses %s', async (_, source, kind, name, more, status, code) => {
    const before = (await bindingsOf('topics/log')).length;
    const reply = await bind(source, kind, name, more);
    expect([reply.status, reply.body]).toMatchObject([status, { code }]);
    expect(await bindingsOf('topics/log')).toHaveLength(before);
  });
});

describe('deleting an exchange', () => {
  const remove = (name: string, query = '') =>
    broker.call('DELETE', `${NAMESPACE}/exchanges/${name}${query}`);

  it('takes its bindings with it', async () => {
    await exchange('goes');
    await bind('amq.topic', 'exchange', 'goes', { routing_key: '#' });
    await bind('goes', 'topic', 'log', { routing_key: 'of-goes' });
    expect((await remove('goes')).status).toBe(200);
    expect(await bindingsOf('exchanges/amq.topic')).toEqual([]);
    expect((await bindingsOf('topics/log')).map(({ source }) => source)).not.toContain('goes');
    expect((await remove('goes')).body.code).toBe('exchange_not_found');
  });

  it('is refused while it is in use, if that was asked', async () => {
    await exchange('used');
    await bind('used', 'topic', 'log');
    const { status, body } = await remove('used', '?if_unused=true');
    expect([status, body.code]).toEqual([409, 'exchange_in_use']);
    expect((await remove('used', '?if_unused=false')).status).toBe(200);
  });

  it('is refused for those of the broker', async () => {
    for (const name of ['amq.fanout', 'amq.default']) {
      expect((await remove(name)).body).toMatchObject({ code: 'exchange_reserved', status: 403 });
    }
  });

  it('happens by itself when the last binding goes', async () => {
    await exchange('passing', { auto_delete: true });
    await broker.declare('short-lived');
    await bind('passing', 'topic', 'short-lived');
    expect((await get('exchanges/passing')).status).toBe(200);
    await broker.call('DELETE', `${NAMESPACE}/topics/short-lived`);
    expect((await get('exchanges/passing')).status).toBe(404);
  });
});

describe('policies', () => {
  const policy = (name: string, body: object): Promise<Reply<PolicyReply>> =>
    broker.call('PUT', `${NAMESPACE}/policies/${name}`, body);

  it('are put, read, listed and deleted', async () => {
    const declaration = { pattern: 'orders.*', priority: 5, definition: { max_length: 1_000 } };
    expect((await policy('orders', declaration)).status).toBe(201);
    expect((await policy('orders', declaration)).status).toBe(200);
    const { body } = await broker.call<PolicyReply>('GET', `${NAMESPACE}/policies/orders`);
    expect(body).toEqual({
      policy: 'orders',
      ...declaration,
      progress: { done: true, queues_checked: 0, queues_total: 0 },
      topology_version: body.topology_version,
    });
    const list = await broker.call<PolicyList>('GET', `${NAMESPACE}/policies`);
    expect(list.body.policies).toEqual([{ policy: 'orders', ...declaration }]);
    expect((await broker.call('DELETE', `${NAMESPACE}/policies/orders`)).status).toBe(200);
    expect((await get('policies/orders')).body).toMatchObject({ code: 'policy_not_found' });
    expect((await broker.call('DELETE', `${NAMESPACE}/policies/orders`)).body.code).toBe('policy_not_found');
  });

  it.each([
    ['no pattern', { definition: { max_length: 1 } }, 'invalid_field'],
    ['a regular expression', { pattern: '^a|b$', definition: { max_length: 1 } }, 'invalid_field'],
    ['nothing to set', { pattern: '*', definition: {} }, 'invalid_field'],
    ['what no policy sets', { pattern: '*', definition: { max_priority: 3 } }, 'unknown_field'],
    ['a negative limit', { pattern: '*', definition: { max_length: -1 } }, 'invalid_field'],
    [
      'a priority out of range',
      { pattern: '*', priority: 1e9, definition: { max_length: 1 } },
      'invalid_field',
    ],
  ])('refuse %s', async (_, body, code) => {
    const reply = await policy('bad', body);
    expect([reply.status, reply.body]).toMatchObject([400, { code }]);
    expect((await get('policies/bad')).status).toBe(404);
  });
});
