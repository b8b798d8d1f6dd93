import { expect, it } from 'vitest';
import { WordNumbers } from '../../../../core/exchange/index/word-numbers.ts';

it('a word has its number for as long as somebody uses it', () => {
  const words = new WordNumbers();
  expect(words.numberOf('a')).toBe(-1);
  const number = words.use('a');
  expect([words.use('a'), words.numberOf('a'), words.use('b')]).toEqual([number, number, number + 1]);
  words.release(number);
  expect(words.numberOf('a')).toBe(number);
  words.release(number);
  expect(words.numberOf('a')).toBe(-1);
});

it('a number that is free is given to the next word, and the others keep theirs', () => {
  const words = new WordNumbers();
  const [a, b] = [words.use('a'), words.use('b')];
  words.release(a);
  expect([words.use('c'), words.numberOf('b'), words.numberOf('a')]).toEqual([a, b, -1]);
});
