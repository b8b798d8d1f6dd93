import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addRange,
  covers,
  endOfRunAt,
  nextStartAfter,
  sizeOf,
  type Ranges,
} from '../../../../core/queue/state/ranges.ts';

describe('ranges', () => {
  it('agree with a set of numbers', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 5 }))), (adds) => {
        const ranges: Ranges = [];
        const set = new Set<number>();
        for (const [start, length] of adds) {
          const added = Array.from({ length }, (_, nth) => start + nth);
          if (added.some((one) => set.has(one))) continue;
          addRange(ranges, start, start + length);
          for (const one of added) set.add(one);
        }
        expect(sizeOf(ranges)).toBe(set.size);
        for (let at = 0; at < 50; at++) {
          expect(covers(ranges, at)).toBe(set.has(at));
          let end = at;
          while (set.has(end)) end += 1;
          expect(endOfRunAt(ranges, at)).toBe(end);
          let next = end;
          while (next < 50 && !set.has(next)) next += 1;
          expect(nextStartAfter(ranges, at)).toBe(next === 50 ? Infinity : next);
        }
      }),
    );
  });
});
