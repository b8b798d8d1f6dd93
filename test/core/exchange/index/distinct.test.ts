import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Distinct } from '../../../../core/exchange/index/distinct.ts';

it('a list without repetitions agrees with a set, few or many', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30), { maxLength: 60 }), (numbers) => {
      const list = new Distinct<number>();
      const set = new Set<number>();
      for (const number of numbers) {
        expect(list.add(number)).toBe(!set.has(number));
        set.add(number);
      }
      expect(list.items).toEqual([...set]);
    }),
  );
});

it('a list can grow while it is read', () => {
  const list = new Distinct<number>();
  list.add(0);
  for (const item of list.items) if (item < 20) list.add(item + 1);
  expect(list.items).toHaveLength(21);
});
