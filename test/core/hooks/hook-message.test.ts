/** What a delivery says of itself, and the request that stores it. */

import { describe, expect, it } from 'vitest';
import { factsOfHook, needsOfHook, storingRequest } from '../../../core/hooks/hook-message.ts';
import { hookDeclarationSchema, type HookDeclaration } from '../../../protocol/schemas/hooks.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const declared = (fields: object): HookDeclaration =>
  hookDeclarationSchema.parse({ target: { queue: 'q' }, scheme: 'github', ...fields });
const headersOf =
  (headers: Record<string, string>) =>
  (name: string): string | undefined =>
    headers[name.toLowerCase()];

describe('a delivery', () => {
  it.each([
    [{}, { 'x-github-delivery': 'd', 'x-github-event': 'push' }, '', { id: 'd', type: 'push' }],
    [{}, {}, '{"id":"no","type":"no"}', { id: null, type: null }],
    [{}, { 'x-github-delivery': 'd'.repeat(256) }, '', { id: null, type: null }],
    [{ scheme: 'stripe' }, {}, '{"id":"evt","type":"paid"}', { id: 'evt', type: 'paid' }],
    [{ scheme: 'stripe' }, {}, '{"id":7', { id: null, type: null }],
    [{ scheme: 'stripe' }, {}, '[1]', { id: null, type: null }],
    [{ scheme: 'stripe' }, {}, 'null', { id: null, type: null }],
    [{ scheme: 'stripe' }, {}, '\ufeff \n{"id":"evt","type":"paid"}', { id: 'evt', type: 'paid' }],
    [{ scheme: 'stripe' }, {}, '{"id":"\\ud800","type":"\\udc00"}', { id: null, type: null }],
    [{ scheme: 'stripe' }, {}, '{"id":{},"type":["t"]}', { id: null, type: null }],
    [{ scheme: 'stripe' }, {}, `{"id":"a","b":"${'x'.repeat(1024 * 1024)}"}`, { id: null, type: null }],
    [{ scheme: 'standard' }, { 'webhook-id': 'm' }, '{"id":"b","type":"t"}', { id: 'm', type: 't' }],
    [
      { scheme: 'hmac', signature: { header: 's', id_header: 'x-id', type_header: 'x-type' } },
      { 'x-id': '1', 'x-type': 't' },
      '',
      { id: '1', type: 't' },
    ],
    [{ scheme: 'hmac', signature: { header: 's' } }, {}, '{"id":"b"}', { id: null, type: null }],
  ])('of %j has an id and a type: %#', (fields, headers, body, facts) => {
    expect(factsOfHook(declared(fields), headersOf(headers), bytes(body))).toEqual(facts);
  });
});

describe('a delivery is stored', () => {
  const facts = { id: 'd-1', type: 'push' };
  const headers = headersOf({ 'content-type': 'text/plain', 'x-a': '1', 'x-b': '2' });
  const request = (fields: object, of: { id: string | null; type: string | null } = facts, body = 'hi') => {
    const { path, json } = storingRequest('repo', declared(fields), of, headers, bytes(body));
    const text = typeof json === 'string' ? json : new TextDecoder().decode(json);
    return { path, json: JSON.parse(text) as unknown };
  };

  it('in a queue, with an id that no other hook has', () => {
    expect(request({ target: { queue: 'a/b' }, headers: ['X-A'] })).toEqual({
      path: '/queues/a%2Fb/messages',
      json: {
        messages: [
          {
            body: { $base64: 'aGk=' },
            headers: { 'x-a': '1' },
            properties: { message_id: 'repo#d-1', content_type: 'text/plain', type: 'push' },
          },
        ],
      },
    });
  });

  it('without an id that is too long with the name of its hook, and without a body that is empty', () => {
    const { json } = request({}, { id: 'd'.repeat(255), type: null }, '');
    expect(json).toEqual({
      messages: [{ body: null, headers: {}, properties: { content_type: 'text/plain' } }],
    });
  });

  it.each([
    [{ exchange: 'e' }, facts, 'push'],
    [{ exchange: 'e' }, { id: null, type: null }, 'repo'],
    [{ exchange: 'e', routing_key: 'k' }, facts, 'k'],
    [{ exchange: 'e' }, { id: null, type: 'é'.repeat(127) }, 'é'.repeat(127)],
    [{ exchange: 'e' }, { id: null, type: 'é'.repeat(128) }, 'repo'],
  ])('through an exchange by its type: %j', (target, of, key) => {
    expect(request({ target }, of)).toMatchObject({
      path: '/exchanges/e/messages',
      json: { messages: [{ routing_key: key }] },
    });
  });

  it.each([
    ['none', null],
    ['id', 'd-1'],
    ['type', 'push'],
  ])('in a topic, with the key that is chosen: %s', (key, expected) => {
    expect(request({ target: { topic: 't', key }, headers: ['x-b'] })).toEqual({
      path: '/topics/t/records',
      json: {
        records: [
          {
            key: expected,
            value: { $base64: 'aGk=' },
            headers: { 'content-type': 'text/plain', 'x-b': '2' },
          },
        ],
      },
    });
  });

  it('with headers of any name', () => {
    const given = new Map([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
    const of = (name: string): string | undefined => given.get(name);
    const { json } = storingRequest(
      'repo',
      declared({ headers: ['__proto__', 'constructor', 'absent'] }),
      facts,
      of,
      bytes(''),
    );
    expect(json).toContain('"headers":{"__proto__":"p","constructor":"c"}');
  });

  it('as changes of a database, byte for byte', () => {
    const broken = Uint8Array.of(0x22, 0xff, 0x22);
    expect(
      storingRequest('repo', declared({ target: { debezium: {} } }), facts, headers, broken).json,
    ).toEqual(broken);
    expect(request({ target: { debezium: { key: 'id', tombstones: true } } }, facts, '[1]')).toEqual({
      path: '/ingest/debezium?key=id&create=true&tombstones=true',
      json: [1],
    });
    expect(request({ target: { debezium: { create: false, topic: '{table}' } } }, facts, '{}').path).toBe(
      '/ingest/debezium?topic=%7Btable%7D&create=false',
    );
  });
});

it('a hook needs the right to write to its target, and for changes to all topics', () => {
  expect(needsOfHook({ queue: 'q' })).toEqual([{ kind: 'queue', name: 'q', action: 'write' }]);
  const all = [
    { kind: 'topic', name: '*', action: 'write' },
    { kind: 'topic', name: '*', action: 'manage' },
  ];
  expect(needsOfHook({ debezium: { create: true, tombstones: false } })).toEqual(all);
  expect(needsOfHook({ debezium: { create: true, tombstones: false, other: 'beats' } })).toEqual([
    ...all,
    { kind: 'topic', name: 'beats', action: 'write' },
  ]);
});
