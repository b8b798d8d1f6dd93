import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bindingId, type BindingDeclaration } from '../../../core/exchange/binding.ts';
import { canonicalJson, type Json } from '../../../core/exchange/canonical-json.ts';
import { isReservedExchangeName } from '../../../core/exchange/exchange.ts';
import { checkBinding } from '../../../core/exchange/registry.ts';
import { exchange, queue, sha256, topic } from './helpers.ts';

const declaration: BindingDeclaration = {
  source: 'x',
  destination: queue('q'),
  routing_key: 'k',
  arguments: { 'x-match': 'all', a: 1 },
};

test('an id depends on source, destination, routing key and arguments, and on nothing else', () => {
  const id = bindingId(declaration, sha256);
  expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(bindingId({ ...declaration, arguments: { a: 1.0, 'x-match': 'all' } }, sha256)).toBe(id);
  const others: BindingDeclaration[] = [
    { ...declaration, source: 'y' },
    { ...declaration, destination: queue('r') },
    { ...declaration, destination: exchange('q') },
    { ...declaration, destination: topic('q') },
    { ...declaration, routing_key: '' },
    { ...declaration, arguments: {} },
    { ...declaration, arguments: { 'x-match': 'all', a: '1' } },
    { ...declaration, arguments: { 'x-match': 'all', a: null } },
  ];
  expect(new Set([id, ...others.map((other) => bindingId(other, sha256))]).size).toBe(others.length + 1);
});

test('an id never changes: stored bindings carry it', () => {
  expect(bindingId(declaration, sha256)).toMatchInlineSnapshot(`"Cm0VluNBsBtZm-pRoYz2Vw"`);
});

test('canonical JSON is JSON for the same value, whatever the order of its members', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value as Json);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(reversed(value as Json))).toBe(text);
    }),
  );
});

test('the default exchange has no bindings but the implied ones', () => {
  expect(checkBinding('direct', { ...declaration, source: '' })?.code).toBe('invalid_field');
  expect(checkBinding('direct', { ...declaration, destination: exchange('') })?.code).toBe('invalid_field');
});

test('headers and consistent hash check what they read; the others take any key and arguments', () => {
  const odd = { ...declaration, arguments: { 'x-match': 'none' } };
  expect(checkBinding('headers', odd)?.code).toBe('invalid_field');
  expect(checkBinding('consistent-hash', odd)?.code).toBe('invalid_field');
  for (const type of ['direct', 'fanout', 'topic'] as const) expect(checkBinding(type, odd)).toBeNull();
});

test('names that begin with amq. and the empty one are the broker’s', () => {
  expect(['', 'amq.direct', 'amq.mine'].map(isReservedExchangeName)).toEqual([true, true, true]);
  expect(['amq', 'amqx', 'orders'].map(isReservedExchangeName)).toEqual([false, false, false]);
});

function reversed(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toReversed());
}
