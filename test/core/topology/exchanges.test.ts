import { describe, expect, it } from 'vitest';
import { declareBinding } from '../../../core/topology/bindings.ts';
import {
  declareExchange,
  predeclaredExchange,
  type DeclaredExchange,
  type ExchangeDefinition,
} from '../../../core/topology/exchanges.ts';
import type { ExchangeDeclaration } from '../../../protocol/schemas/exchanges.ts';

const made = (declaration: ExchangeDeclaration): ExchangeDefinition =>
  (declareExchange(null, 'x', declaration, 3) as DeclaredExchange).definition;

describe('declaring an exchange', () => {
  it('fills in defaults', () => {
    expect(made({ type: 'topic' })).toEqual({
      name: 'x',
      type: 'topic',
      internal: false,
      alternate_exchange: null,
      auto_delete: false,
      hash_header: null,
      version: 3,
    });
  });

  it.each<[ExchangeDeclaration, ExchangeDeclaration, string[]]>([
    [{ type: 'topic' }, { type: 'topic' }, []],
    [{ type: 'topic' }, {}, []],
    [{ type: 'topic' }, { type: 'direct' }, ['type']],
    [{}, { internal: true, auto_delete: true }, ['internal', 'auto_delete']],
    [{ alternate_exchange: 'a' }, { alternate_exchange: null }, ['alternate_exchange']],
  ])('%j and then %j differs in %j', (first, second, fields) => {
    const again = declareExchange(made(first), 'x', second, 4);
    if (fields.length === 0) expect(again).toMatchObject({ isNew: false, definition: { version: 3 } });
    else {
      expect(again).toMatchObject({
        code: 'exchange_differs',
        details: { differing: fields.map((field) => ({ field })) },
      });
    }
  });

  it.each<[string, ExchangeDeclaration, boolean]>([
    ['amq.topic', { type: 'topic' }, true],
    ['amq.topic', {}, true],
    ['amq.topic', { type: 'direct' }, false],
    ['amq.mine', { type: 'direct' }, false],
    ['', { type: 'direct' }, false],
    ['', {}, false],
  ])('%j as %j, a name of the broker, is fine: %s', (name, declaration, isFine) => {
    const declared = declareExchange(predeclaredExchange(name), name, declaration, 4);
    expect(declared).toMatchObject(isFine ? { isNew: false } : { code: 'exchange_reserved' });
  });

  it('has a header to hash only where it hashes', () => {
    expect(declareExchange(null, 'x', { hash_header: 'key' }, 1)).toMatchObject({ code: 'invalid_field' });
    expect(made({ hash_header: 'key', type: 'consistent-hash' }).hash_header).toBe('key');
  });
});

describe('declaring a binding', () => {
  const exchanges = new Map([
    ['x', made({ type: 'direct' })],
    ['hash', made({ type: 'consistent-hash' })],
    ['headers', made({ type: 'headers' })],
  ]);
  const ends = {
    exchange: (name: string) => exchanges.get(name) ?? predeclaredExchange(name),
    exists: ({ name }: { name: string }) => name === 'there' || exchanges.has(name),
  };
  const bind = (source: string, kind: 'queue' | 'topic' | 'exchange', name: string, more: object = {}) =>
    declareBinding(
      { source, destination: { kind, name }, routing_key: 'k', arguments: {}, ...more },
      ends,
    ) as object;

  it.each([
    ['gone', 'queue', 'there', {}, 'exchange_not_found'],
    ['x', 'queue', 'gone', {}, 'queue_not_found'],
    ['x', 'topic', 'gone', {}, 'topic_not_found'],
    ['x', 'exchange', 'gone', {}, 'exchange_not_found'],
    ['', 'queue', 'there', {}, 'invalid_field'],
    ['x', 'exchange', '', {}, 'invalid_field'],
    ['hash', 'queue', 'there', { routing_key: 'heavy' }, 'invalid_field'],
    ['headers', 'queue', 'there', { arguments: { 'x-match': 'some' } }, 'invalid_field'],
    ['x', 'queue', 'there', { arguments: { long: 'x'.repeat(5_000) } }, 'invalid_field'],
  ] as const)('from %j to %s %j with %j is refused: %s', (source, kind, name, more, code) => {
    expect(bind(source, kind, name, more)).toMatchObject({ code });
  });

  it('gives the same id for the same binding, and another for any other', () => {
    const ids = [
      bind('x', 'queue', 'there'),
      bind('x', 'queue', 'there'),
      bind('x', 'topic', 'there'),
      bind('x', 'queue', 'there', { routing_key: 'other' }),
      bind('x', 'queue', 'there', { arguments: { a: 1 } }),
    ].map((binding) => (binding as { id: string }).id);
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(4);
  });
});
