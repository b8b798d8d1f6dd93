/** The bound of what metrics tell. */

import { expect, it } from 'vitest';
import { joined } from '../../../core/metrics/snapshot.ts';

it('keeps the first and joins the rest', () => {
  const sum = (one: number, other: number): number => one + other;
  expect(joined([1, 2, 3], sum, 3)).toEqual([1, 2, 3]);
  expect(joined([1, 2, 3, 4], sum, 2)).toEqual([1, 2, 7]);
  expect(joined([], sum, 2)).toEqual([]);
});
