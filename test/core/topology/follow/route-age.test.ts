import { expect, it } from 'vitest';
import { graphUse, isYoungEnough } from '../../../../core/topology/follow/route-age.ts';

it.each([
  // confirmed, now, bound, use
  [null, 0, 1_000, 'wait'],
  [5_000, 5_000, 1_000, 'use'],
  [5_000, 5_750, 1_000, 'use'],
  [5_000, 5_751, 1_000, 'use-and-ask'],
  [5_000, 6_000, 1_000, 'use-and-ask'],
  [5_000, 6_001, 1_000, 'wait'],
  [5_000, 4_999, 1_000, 'wait'],
  [5_000, 5_000, 0, 'wait'],
])('a graph confirmed at %s is at %i, with a bound of %i: %s', (confirmed, now, bound, use) => {
  expect(graphUse(confirmed, now, bound)).toBe(use);
});

it('takes the answer to an earlier question only if it cannot be older than the bound', () => {
  expect([1_000, 1_499, 1_500, 999].map((now) => isYoungEnough(1_000, now, 1_000))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
