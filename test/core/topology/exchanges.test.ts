import { describe, expect, it } from 'vitest';
import {
  declareExchange,
  noSuchExchange,
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

it('an exchange that there is not is told by its name', () => {
  expect(noSuchExchange('x')).toMatchObject({ code: 'exchange_not_found' });
});
