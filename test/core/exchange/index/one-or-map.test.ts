import fc from 'fast-check';
import { expect, it } from 'vitest';
import { excluding, forEach, including, type Few } from '../../../../core/exchange/index/one-or-map.ts';

interface Item {
  key: string;
  value: number;
}
const keyOf = ({ key }: Item): string => key;
const valuesOf = (few: Few<Item>): number[] => {
  const values: number[] = [];
  forEach(few, ({ value }) => values.push(value));
  return values;
};

it('none, one or a map of items agree with a map', () => {
  const step = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean());
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let few: Few<Item> = null;
      const map = new Map<string, number>();
      steps.forEach(([key, isAdded], value) => {
        few = isAdded ? including(few, { key, value }, keyOf) : excluding(few, key, keyOf);
        if (isAdded) map.set(key, value);
        else map.delete(key);
        expect(valuesOf(few).toSorted()).toEqual([...map.values()].toSorted());
        expect(few === null).toBe(map.size === 0);
      });
    }),
  );
});

it('one item is held directly', () => {
  const item = { key: 'a', value: 1 };
  expect(including(null, item, keyOf)).toBe(item);
});
