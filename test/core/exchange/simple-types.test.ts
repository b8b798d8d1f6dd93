import { expect, test } from 'vitest';
import { DefaultIndex } from '../../../core/exchange/types/default.ts';
import { DirectIndex } from '../../../core/exchange/types/direct.ts';
import { FanoutIndex } from '../../../core/exchange/types/fanout.ts';
import { bound, filled, matched, message, queue } from './helpers.ts';

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

test('fanout takes every message', () => {
  const index = filled(new FanoutIndex(), [bound(queue('p'), 'k'), bound(queue('q'))]);
  expect(matched(index, message('whatever'))).toEqual(['p', 'q']);
  index.remove(bound(queue('p'), 'k'));
  expect(matched(index, message('k'))).toEqual(['q']);
});

test('the default exchange reaches the queue that the key names, if there is one', () => {
  const index = new DefaultIndex((name) => (name === 'q' ? queue('q') : null));
  expect(matched(index, message('q'))).toEqual(['q']);
  expect(matched(index, message('other'))).toEqual([]);
});
