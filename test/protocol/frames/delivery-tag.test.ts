import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTag, parseTag } from '../../../protocol/frames/delivery-tag.ts';
import { LANES } from '../../../protocol/limits.ts';

const lane = fc.integer({ min: 0, max: LANES - 1 });
const offset = fc.integer({ min: 0, max: 2 ** 47 - 1 });

describe('a delivery tag', () => {
  it('survives being written and read', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        lane,
        offset,
        fc.integer({ min: 1, max: 1e9 }),
        (queueId, number, at, delivery) => {
          const tag = { queueId, lane: number, offset: at, delivery };
          expect(parseTag(formatTag(tag))).toEqual(tag);
        },
      ),
    );
  });

  it('is none for other texts', () => {
    for (const text of [
      '',
      '1',
      '1-2-3',
      '1-2-3-4-5',
      'A-0-0-1',
      '1-0--1',
      '1-0-0-1 ',
      '-1-0-0-1',
      '1-0-0-',
      '1-000-0-1',
      '1-0-0-12345678',
      '1-0-\u01300-1',
    ]) {
      expect(parseTag(text), text).toBeNull();
    }
  });
});
