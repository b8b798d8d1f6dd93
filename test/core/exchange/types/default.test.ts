import { expect, test } from 'vitest';
import { DefaultIndex } from '../../../../core/exchange/types/default.ts';
import { matched, message, queue } from '../helpers.ts';

test('the default exchange reaches the queue that the key names, if there is one', () => {
  const index = new DefaultIndex((name) => (name === 'q' ? queue('q') : null));
  expect(matched(index, message('q'))).toEqual(['q']);
  expect(matched(index, message('other'))).toEqual([]);
});

test('the default exchange has implied bindings only', () => {
  const index = new DefaultIndex(() => null);
  expect(() => index.add()).toThrow('takes no bindings');
  expect(() => index.remove()).toThrow('has no bindings');
});
