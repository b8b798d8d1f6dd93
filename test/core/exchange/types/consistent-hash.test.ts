import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkWeight,
  ConsistentHashIndex,
  WEIGHT_MAX,
} from '../../../../core/exchange/types/consistent-hash.ts';
import { bound, filled, matched, message, queue } from '../helpers.ts';

const KEYS = Array.from({ length: 20_000 }, (_, number) => `key-${number}`);

type Weights = Record<string, number>;

const indexOf = (weights: Weights): ConsistentHashIndex =>
  filled(
    new ConsistentHashIndex(null),
    Object.entries(weights).map(([name, weight]) => bound(queue(name), String(weight))),
  );

/** Where each key goes. */
function placed(index: ConsistentHashIndex, keys = KEYS): string[] {
  return keys.map((key) => {
    const [destination, ...others] = matched(index, message(key));
    if (destination === undefined || others.length > 0) throw new Error(`${key} goes to not exactly one`);
    return destination;
  });
}

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 });
const weights = fc
  .tuple(names, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 12, maxLength: 12 }))
  .map(([list, numbers]): Weights => Object.fromEntries(list.map((name, place) => [name, numbers[place]!])));

test('each destination gets its share by weight, within six standard deviations', () => {
  fc.assert(
    fc.property(weights, (each) => {
      const places = placed(indexOf(each));
      const total = Object.values(each).reduce((sum, weight) => sum + weight, 0);
      for (const [name, weight] of Object.entries(each)) {
        const share = weight / total;
        const deviation = Math.sqrt(KEYS.length * share * (1 - share));
        const count = places.filter((place) => place === name).length;
        expect(Math.abs(count - KEYS.length * share)).toBeLessThanOrEqual(6 * deviation + 1);
      }
    }),
    { numRuns: 30 },
  );
});

test('a destination that comes takes keys only to itself, and one that goes gives up only its own', () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 20 }), (each, weight) => {
      const keys = KEYS.slice(0, 2_000);
      const index = indexOf(each);
      const before = placed(index, keys);
      const newcomer = bound(queue('a newcomer with a long name'), String(weight));
      index.add(newcomer);
      const during = placed(index, keys);
      const moved = during.filter((name, place) => name !== before[place]);
      expect(moved.every((name) => name === newcomer.destination.name)).toBe(true);
      index.remove(newcomer);
      expect(placed(index, keys)).toEqual(before);
    }),
    { numRuns: 30 },
  );
});

test('a weight that grows takes keys only to its own destination', () => {
  const before = placed(indexOf({ a: 1, b: 1, c: 1 }));
  const after = placed(indexOf({ a: 2, b: 1, c: 1 }));
  const moved = after.filter((name, place) => name !== before[place]);
  expect(new Set(moved)).toEqual(new Set(['a']));
  // From a third to a half.
  expect(moved.length / KEYS.length).toBeCloseTo(1 / 6, 1);
});

test('the order of the bindings means nothing', () => {
  expect(placed(indexOf({ a: 1, b: 2, c: 3 }))).toEqual(placed(indexOf({ c: 3, a: 1, b: 2 })));
});

test('bindings to one destination add up', () => {
  const twice = filled(new ConsistentHashIndex(null), [
    bound(queue('a'), '1'),
    bound(queue('a'), '2'),
    bound(queue('b'), '1'),
  ]);
  expect(placed(twice)).toEqual(placed(indexOf({ a: 3, b: 1 })));
  twice.remove(bound(queue('a'), '2'));
  expect(placed(twice)).toEqual(placed(indexOf({ a: 1, b: 1 })));
});

test('keys stay where this version puts them', () => {
  expect(placed(indexOf({ a: 1, b: 1, c: 2 }), KEYS.slice(0, 12)).join('')).toMatchInlineSnapshot(
    `"aabcccccacac"`,
  );
});

test('without bindings nobody takes the message', () => {
  expect(matched(new ConsistentHashIndex(null), message('k'))).toEqual([]);
});

test('a header can be hashed instead of the routing key; messages without it stay together', () => {
  const index = filled(new ConsistentHashIndex('customer'), [bound(queue('a'), '1'), bound(queue('b'), '1')]);
  const place = (routingKey: string, headers = {}): string[] => matched(index, message(routingKey, headers));
  const byCustomer = KEYS.slice(0, 100).map((customer) => place('k', { customer })[0]);
  expect(new Set(byCustomer)).toEqual(new Set(['a', 'b']));
  expect(KEYS.slice(0, 100).map((customer, number) => place(`${number}`, { customer })[0])).toEqual(
    byCustomer,
  );
  expect(new Set(KEYS.map((key) => place(key)[0])).size).toBe(1);
  expect(place('k', { customer: 7 })).toHaveLength(1);
});

describe('a weight', () => {
  test.each([
    ['1', true],
    ['20', true],
    [String(WEIGHT_MAX), true],
    [String(WEIGHT_MAX + 1), false],
    ['0', false],
    ['-1', false],
    ['1.5', false],
    ['', false],
    ['a', false],
    [' 1', false],
    ['1e3', false],
  ])('of %j is allowed: %s', (routingKey, expected) => {
    expect(checkWeight(routingKey)?.code).toBe(expected ? undefined : 'invalid_field');
  });
});
