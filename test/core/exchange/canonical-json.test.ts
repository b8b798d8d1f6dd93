import { expect, it } from 'vitest';
import { canonicalJson, type Json } from '../../../core/exchange/canonical-json.ts';

it.each<[Json, string]>([
  [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
  [{ b: { d: 1, c: [] }, a: null }, '{"a":null,"b":{"c":[],"d":1}}'],
  [[3, 1, 2], '[3,1,2]'],
  [1.0, '1'],
  [-0, '0'],
  ['a "b"', '"a \\"b\\""'],
  [{ 10: 'ten', 9: 'nine' }, '{"10":"ten","9":"nine"}'],
  [JSON.parse('{"__proto__":1}') as Json, '{"__proto__":1}'],
  [true, 'true'],
])('%j has one spelling: %s', (value, text) => expect(canonicalJson(value)).toBe(text));
