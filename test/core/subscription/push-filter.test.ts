import { describe, expect, it } from 'vitest';
import { filterOf } from '../../../core/subscription/push-filter.ts';
import { ROUTING_KEY_HEADER, textHeader } from '../../../protocol/schemas/messages.ts';

const record = (headers: Record<string, string>, key: string | null = null) => ({
  offset: 0,
  timestamp: 0,
  key: key === null ? null : new TextEncoder().encode(key),
  value: null,
  headers: Object.entries(headers).map(([name, text]) => textHeader(name, text)),
});
const routed = (routingKey: string, headers: Record<string, string> = {}) =>
  record({ [ROUTING_KEY_HEADER]: routingKey, ...headers });

describe('a filter', () => {
  it.each([
    ['orders.*', 'orders.eu', true],
    ['orders.*', 'orders.eu.new', false],
    ['orders.#', 'orders', true],
    ['#.new', 'orders.eu.new', true],
    ['#', '', true],
    ['*', '', false],
  ])('takes by the pattern %s the key %s: %s', (pattern, key, isTaken) => {
    expect(filterOf({ routing_key: pattern })(routed(key))).toBe(isTaken);
  });

  it('takes the key of a record that came through no exchange as its routing key', () => {
    expect(filterOf({ routing_key: 'eu.*' })(record({}, 'eu.1'))).toBe(true);
    expect(filterOf({ routing_key: 'eu.*' })(record({}))).toBe(false);
  });

  it.each([
    [{ kind: 'a' }, { kind: 'a', more: 'x' }, true],
    [{ kind: 'a' }, { kind: 'b' }, false],
    [{ kind: null }, { kind: 'b' }, true],
    [{ 'x-match': 'any', kind: 'a', size: 'b' }, { size: 'b' }, true],
    [{ 'x-match': 'any' }, { size: 'b' }, false],
    [{}, { size: 'b' }, true],
  ])('takes by the headers %j a message with %j: %s', (headers, own, isTaken) => {
    expect(filterOf({ headers })(record(own as Record<string, string>))).toBe(isTaken);
  });

  it('takes what matches both', () => {
    const filter = filterOf({ routing_key: 'orders.*', headers: { kind: 'a' } });
    expect([
      filter(routed('orders.eu', { kind: 'a' })),
      filter(routed('orders.eu')),
      filter(record({ kind: 'a' })),
    ]).toEqual([true, false, false]);
  });

  it('takes everything if there is none', () => {
    expect(filterOf(null)(record({}))).toBe(true);
  });
});
