import { describe, expect, it } from 'vitest';
import type { ExchangeType } from '../../../core/exchange/exchange.ts';
import { declareBinding, noSuchBinding } from '../../../core/topology/bindings.ts';
import { predeclaredExchange, type ExchangeDefinition } from '../../../core/topology/exchanges.ts';
import { sha256 } from '../exchange/helpers.ts';

describe('declaring a binding', () => {
  const made = (type: ExchangeType): ExchangeDefinition => ({
    ...predeclaredExchange('amq.direct')!,
    type,
  });
  const exchanges = new Map([
    ['x', made('direct')],
    ['hash', made('consistent-hash')],
    ['headers', made('headers')],
  ]);
  const ends = {
    exchange: (name: string) => exchanges.get(name) ?? predeclaredExchange(name),
    exists: ({ name }: { name: string }) => name === 'there' || exchanges.has(name),
  };
  const bind = (source: string, kind: 'queue' | 'topic' | 'exchange', name: string, more: object = {}) =>
    declareBinding(
      { source, destination: { kind, name }, routing_key: 'k', arguments: {}, ...more },
      ends,
      sha256,
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

it('a binding that there is not is told by its id', () => {
  expect(noSuchBinding('x', 'id')).toMatchObject({ code: 'binding_not_found' });
});
