import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BindingArguments } from '../../../../core/exchange/binding.ts';
import { canonicalJson, type Json } from '../../../../core/exchange/canonical-json.ts';
import { checkHeaderArguments, HeadersIndex } from '../../../../core/exchange/types/headers.ts';
import { bound, filled, matched, message, queue } from '../helpers.ts';

const matches = (args: BindingArguments, headers: BindingArguments): boolean =>
  matched(filled(new HeadersIndex(), [bound(queue('q'), '', args)]), message('', headers)).length > 0;

describe('arguments and headers', () => {
  test.each<[BindingArguments, BindingArguments, boolean]>([
    [{ 'x-match': 'all', type: 'order', eu: true }, { type: 'order', eu: true, other: 1 }, true],
    [{ 'x-match': 'all', type: 'order', eu: true }, { type: 'order' }, false],
    [{ type: 'order', eu: true }, { type: 'order', eu: false }, false],
    [{ 'x-match': 'any', type: 'order', eu: true }, { eu: true }, true],
    [{ 'x-match': 'any', type: 'order', eu: true }, { type: 'bill' }, false],
    [{ 'x-match': 'all', 'x-a': 1, b: 2 }, { b: 2 }, true],
    [{ 'x-match': 'all-with-x', 'x-a': 1, b: 2 }, { b: 2 }, false],
    [{ 'x-match': 'all-with-x', 'x-a': 1, b: 2 }, { 'x-a': 1, b: 2 }, true],
    [{ 'x-match': 'any', 'x-a': 1, b: 2 }, { 'x-a': 1 }, false],
    [{ 'x-match': 'any-with-x', 'x-a': 1, b: 2 }, { 'x-a': 1 }, true],
    [{ 'x-match': 'any-with-x' }, { 'x-match': 'any-with-x' }, false],
    [{ 'x-match': 'all' }, {}, true],
    [{ 'x-match': 'any' }, { a: 1 }, false],
    [{}, { a: 1 }, true],
    [{ a: null }, { a: 'anything' }, true],
    [{ a: null }, { a: null }, true],
    [{ a: null }, {}, false],
    [{ a: 1 }, { a: null }, false],
    [{ a: 1 }, { a: 1.0 }, true],
    [{ a: 1 }, { a: '1' }, false],
    [{ a: 1 }, { a: true }, false],
    [{ a: 0 }, { a: -0 }, true],
    [{ a: 'true' }, { a: true }, false],
    [{ a: '' }, { a: '' }, true],
    [{ a: [1, 'v'] }, { a: [1, 'v'] }, true],
    [{ a: [1, 'v'] }, { a: ['v', 1] }, false],
    [{ a: [1] }, { a: '[1]' }, false],
    [{ a: '[1]' }, { a: [1] }, false],
    [{ a: { m: 1, n: 2 } }, { a: { n: 2, m: 1 } }, true],
    [{ toString: null }, {}, false],
  ])('%j on %j: %s', (args, headers, expected) => {
    expect(matches(args, headers)).toBe(expected);
  });

  test.each([
    ['all', true],
    ['any', true],
    ['all-with-x', true],
    ['any-with-x', true],
    ['none', false],
    [1, false],
    [null, false],
  ])('x-match %j is allowed: %s', (kind, expected) => {
    expect(checkHeaderArguments({ 'x-match': kind })?.code).toBe(expected ? undefined : 'invalid_field');
  });
});

const name = fc.constantFrom('a', 'b', 'c', 'x-a');
const value = fc.constantFrom<Json>(1, 2, '1', true, null, [1]);
const headers = fc.dictionary(name, value);
const args = fc
  .tuple(fc.constantFrom('all', 'any', 'all-with-x', 'any-with-x'), headers)
  .map(([kind, conditions]): BindingArguments => ({ 'x-match': kind, ...conditions }));

test('after any additions and removals the index agrees with looking at every binding', () => {
  const change = fc.record({ args, isRemoval: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40, size: 'max' }), fc.array(headers), (changes, messages) => {
      const index = new HeadersIndex();
      const left = new Map<string, BindingArguments>();
      for (const one of changes) {
        const binding = bound(queue(canonicalJson(one.args)), '', one.args);
        if (one.isRemoval) index.remove(binding);
        else if (!left.has(binding.id)) index.add(binding);
        if (one.isRemoval) left.delete(binding.id);
        else left.set(binding.id, one.args);
      }
      for (const sent of messages) {
        const expected = [...left.values()].filter((each) => isTaken(each, sent)).map(canonicalJson);
        expect(new Set(matched(index, message('', sent)))).toEqual(new Set(expected));
      }
    }),
    { numRuns: 500 },
  );
});

test('a message looks only at rules that could match it, whichever header they share', () => {
  const index = new HeadersIndex();
  for (let customer = 0; customer < 1_000; customer++) {
    index.add(bound(queue(`q${customer}`), '', { type: 'order', customer }));
  }
  let reads = 0;
  const sent = new Proxy<BindingArguments>(
    { type: 'order', customer: 7 },
    { get: (target, key) => (reads++, target[String(key)]) },
  );
  expect(matched(index, message('', sent))).toEqual(['q7']);
  expect(reads).toBeLessThan(10);
});

function isTaken({ 'x-match': kind, ...conditions }: BindingArguments, sent: BindingArguments): boolean {
  const withX = (kind as string).endsWith('-with-x');
  const results = Object.entries(conditions)
    .filter(([each]) => withX || !each.startsWith('x-'))
    .map(
      ([each, wanted]) =>
        each in sent && (wanted === null || canonicalJson(wanted) === canonicalJson(sent[each]!)),
    );
  return (kind as string).startsWith('all') ? results.every(Boolean) : results.some(Boolean);
}
