import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TopicIndex } from '../../../../core/exchange/types/topic.ts';
import { bound, filled, matched, message, queue } from '../helpers.ts';

const matches = (pattern: string, key: string): boolean =>
  matched(filled(new TopicIndex(), [bound(queue('q'), pattern)]), message(key)).length > 0;

describe('a pattern', () => {
  test.each([
    ['orders.*', 'orders.created', true],
    ['orders.*', 'orders', false],
    ['orders.*', 'orders.asia.created', false],
    ['orders.#', 'orders.asia.vietnam.created', true],
    ['orders.#', 'orders', true],
    ['orders.#', 'ordersx', false],
    ['*.stock.#', 'usd.stock', true],
    ['*.stock.#', 'eur.stock.db', true],
    ['*.stock.#', 'stock.nasdaq', false],
    ['#.created', 'created', true],
    ['#.created', 'orders.eu.created', true],
    ['#.created', 'orders.created.eu', false],
    ['a.#.b.#.c', 'a.b.c', true],
    ['a.#.b.#.c', 'a.x.b.b.y.c', true],
    ['a.#.b.#.c', 'a.c', false],
    ['#.#', '', true],
    ['#.*', '', false],
    ['#.*', 'a', true],
    ['*.#.*', 'a', false],
    ['*.#.*', 'a.b', true],
    ['', '', true],
    ['', 'a', false],
    ['#', '', true],
    ['*', '', false],
    ['*.*', '.', true],
    ['.', '.', true],
    ['a.*', 'a.', true],
    ['a.', 'a', false],
    ['a..b', 'a..b', true],
    ['a.*.b', 'a..b', true],
    ['orders.cre*', 'orders.created', false],
    ['a.b', 'a.*', false],
    ['a.b', '#', false],
    ['*', '#', true],
  ])('%j on %j: %s', (pattern, key, expected) => {
    expect(matches(pattern, key)).toBe(expected);
  });

  test('is not confused by words that are names in JavaScript', () => {
    expect(matches('constructor.*', 'constructor.__proto__')).toBe(true);
    expect(matches('a', '__proto__')).toBe(false);
  });
});

/** Words are few and odd, so that patterns and keys meet. */
const word = fc.constantFrom('a', 'b', '', '*', '#');
const words = fc.array(word, { maxLength: 7 });
const pattern = words.map((list) => list.join('.'));
const key = pattern;

test('the trie agrees with the definition, read literally', () => {
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 12, size: 'max' }), key, (patterns, sent) => {
      const index = filled(
        new TopicIndex(),
        patterns.map((text) => bound(queue(text), text)),
      );
      const expected = patterns.filter((text) => isTaken(wordsOf(text), wordsOf(sent)));
      expect(matched(index, message(sent))).toEqual(expected.toSorted());
    }),
    { numRuns: 2_000 },
  );
});

test('after any additions and removals it is as if built from what is left', () => {
  const change = fc.record({ pattern, name: fc.constantFrom('p', 'q'), isRemoval: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40, size: 'max' }), fc.array(key), (changes, keys) => {
      const index = new TopicIndex();
      const left = new Map<string, ReturnType<typeof bound>>();
      for (const { pattern: text, name, isRemoval } of changes) {
        const binding = bound(queue(name), text);
        if (isRemoval) index.remove(binding);
        else if (!left.has(binding.id)) index.add(binding);
        if (isRemoval) left.delete(binding.id);
        else left.set(binding.id, binding);
      }
      const rebuilt = filled(new TopicIndex(), left.values());
      expect(index.nodeCount).toBe(rebuilt.nodeCount);
      for (const sent of keys) expect(matched(index, message(sent))).toEqual(matched(rebuilt, message(sent)));
    }),
  );
});

test('removing the last binding of a branch removes the branch', () => {
  const index = new TopicIndex();
  const deep = bound(queue('deep'), 'a.*.#.b');
  const shallow = bound(queue('shallow'), 'a.*');
  filled(index, [deep, shallow]);
  expect(index.nodeCount).toBe(5);
  index.remove(deep);
  expect(index.nodeCount).toBe(3);
  index.remove(shallow);
  expect(index.nodeCount).toBe(1);
});

test('a binding is visited once, however many ways its pattern has to match', () => {
  const index = filled(new TopicIndex(), [bound(queue('q'), '#.#.*.#.#')]);
  expect(matched(index, message('a.a.a.a.a'))).toEqual(['q']);
});

test('the work is bounded by words times nodes where backtracking would not end', () => {
  const hashes = Array.from({ length: 100 }, () => '#').join('.');
  const index = filled(new TopicIndex(), [bound(queue('no'), `${hashes}.x`), bound(queue('yes'), hashes)]);
  expect(matched(index, message(Array.from({ length: 127 }, () => 'a').join('.')))).toEqual(['yes']);
});

function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split('.');
}

/** The definition: `#` takes some number of words, `*` one, any other word itself. */
function isTaken([first, ...rest]: string[], key: string[]): boolean {
  if (first === undefined) return key.length === 0;
  if (first === '#') return key.some((_, taken) => isTaken(rest, key.slice(taken))) || isTaken(rest, []);
  return key.length > 0 && (first === '*' || first === key[0]) && isTaken(rest, key.slice(1));
}
