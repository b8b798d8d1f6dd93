import { expect, test } from 'vitest';
import { FanoutIndex } from '../../../../core/exchange/types/fanout.ts';
import { bound, filled, matched, message, queue } from '../helpers.ts';

test('fanout takes every message', () => {
  const index = filled(new FanoutIndex(), [bound(queue('p'), 'k'), bound(queue('q'))]);
  expect(matched(index, message('whatever'))).toEqual(['p', 'q']);
  index.remove(bound(queue('p'), 'k'));
  expect(matched(index, message('k'))).toEqual(['q']);
});
