import { expect, test } from 'vitest';
import { DirectIndex } from '../../../../core/exchange/types/direct.ts';
import { bound, filled, matched, message, queue } from '../helpers.ts';

test('direct takes exactly its key, for every destination bound with it', () => {
  const index = filled(new DirectIndex(), [
    bound(queue('p'), 'k'),
    bound(queue('q'), 'k'),
    bound(queue('r'), 'k.*'),
  ]);
  expect(matched(index, message('k'))).toEqual(['p', 'q']);
  expect(matched(index, message('k.x'))).toEqual([]);
  expect(matched(index, message(''))).toEqual([]);
  index.remove(bound(queue('p'), 'k'));
  expect(matched(index, message('k'))).toEqual(['q']);
});
