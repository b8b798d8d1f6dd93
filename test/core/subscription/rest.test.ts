import { expect, it } from 'vitest';
import { endsText } from '../../../core/subscription/rest.ts';

it('tells the ends of partitions apart', () => {
  const texts = [
    endsText(1, [5, 7]),
    endsText(1, [7, 5]),
    endsText(1, [5, 8]),
    endsText(1, [5]),
    endsText(2, [5, 7]),
  ];
  expect(new Set(texts).size).toBe(texts.length);
  expect(endsText(1, [5, 7])).toBe(texts[0]);
});

it('says nothing where an end is not known', () => {
  expect(endsText(1, [5, undefined])).toBe(null);
});
