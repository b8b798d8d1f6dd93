import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PairTable } from '../../../../core/exchange/index/pair-table.ts';
import { WordNumbers } from '../../../../core/exchange/index/word-numbers.ts';

test('after any additions and removals every pair is found, and no other', () => {
  const number = fc.integer({ min: 0, max: 11 });
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number), { maxLength: 300, size: 'max' }), (toggled) => {
      const table = new PairTable();
      const expected = new Map<string, number>();
      toggled.forEach(([node, word], step) => {
        const key = `${node} ${word}`;
        if (expected.delete(key)) {
          table.remove(node, word);
        } else {
          table.add(node, word, step + 1);
          expected.set(key, step + 1);
        }
      });
      for (let node = 0; node < 12; node++) {
        for (let word = 0; word < 12; word++) {
          expect(table.valueOf(node, word)).toBe(expected.get(`${node} ${word}`) ?? 0);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('a word keeps its number while it is in use, and no other word has it', () => {
  const words = new WordNumbers();
  const a = words.use('a');
  const b = words.use('b');
  expect(words.use('a')).toBe(a);
  words.release(a);
  expect([words.numberOf('a'), words.numberOf('b')]).toEqual([a, b]);
  expect(a).not.toBe(b);
  words.release(a);
  expect(words.numberOf('a')).toBe(-1);
  expect(words.use('c')).toBe(a);
  expect(words.numberOf('b')).toBe(b);
});
