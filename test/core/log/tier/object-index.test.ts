/** Object index: what is encoded is decoded, and chunks and look-ups follow from it. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chunksOf,
  decodeObjectIndex,
  encodeObjectIndex,
  firstAfter,
} from '../../../../core/log/tier/object-index.ts';

const sizes = fc.array(fc.integer({ min: 0, max: 1_048_576 }), { minLength: 1, maxLength: 60 });

function runOf(bytes: readonly number[]) {
  let position = 2 ** 52;
  return bytes.map((size, nth) => {
    const segment = {
      baseOffset: 2 ** 50 + nth * 10,
      nextOffset: 2 ** 50 + nth * 10 + 7,
      maxTimestamp: nth === 0 ? -1 : 1_700_000_000_000 - nth,
      maxTimestampSoFar: 1_700_000_000_000,
      position,
      bytes: size,
    };
    position += size;
    return segment;
  });
}

describe('an object index', () => {
  it('is decoded to what was encoded, with the place of each segment', () => {
    fc.assert(
      fc.property(sizes, (bytes) => {
        const run = runOf(bytes);
        const encoded = encodeObjectIndex(run);
        expect(encoded).toHaveLength(run.length * 48);
        let start = 0;
        const placed = run.map((segment) => ({
          ...segment,
          start: (start += segment.bytes) - segment.bytes,
        }));
        expect(decodeObjectIndex(encoded)).toEqual(placed);
      }),
    );
  });

  it('is cut into chunks that hold every segment once, each filled by its last', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 4_000_000 }), (bytes, chunkBytes) => {
        const segments = decodeObjectIndex(encodeObjectIndex(runOf(bytes)));
        const chunks = chunksOf(segments, chunkBytes);
        expect(chunks.flatMap((chunk) => chunk.segments)).toEqual(segments);
        chunks.forEach(({ start, end, segments: own }, nth) => {
          expect(start).toBe(own[0]!.start);
          expect(end).toBe(own.at(-1)!.start + own.at(-1)!.bytes);
          if (nth < chunks.length - 1) expect(end - start).toBeGreaterThanOrEqual(chunkBytes);
          expect(own.at(-1)!.start - start).toBeLessThan(chunkBytes);
        });
      }),
    );
  });

  it('finds the segment of an offset, or the next one', () => {
    const ranges = [{ nextOffset: 10 }, { nextOffset: 20 }, { nextOffset: 25 }];
    expect([0, 9, 10, 19, 24].map((offset) => firstAfter(ranges, offset)?.nextOffset)).toEqual([
      10, 10, 20, 20, 25,
    ]);
    expect(firstAfter(ranges, 25)).toBeUndefined();
    expect(firstAfter([], 0)).toBeUndefined();
  });
});
