import { describe, expect, it } from 'vitest';
import { bytesOfPart, partsOf, wholeOf } from '../../../core/objects/upload-parts.ts';
import { OBJECT_BYTES_MAX, OBJECT_PART_BYTES, OBJECT_PARTS_MAX } from '../../../protocol/limits.ts';

describe('the parts of an upload', () => {
  it.each([
    [1, 1, 1],
    [OBJECT_PART_BYTES, 1, OBJECT_PART_BYTES],
    [OBJECT_PART_BYTES + 1, 2, 1],
    [OBJECT_BYTES_MAX, OBJECT_PARTS_MAX, OBJECT_BYTES_MAX - (OBJECT_PARTS_MAX - 1) * OBJECT_PART_BYTES],
  ])('of %i bytes are %i, and the last has %i', (bytes, count, last) => {
    expect(partsOf(bytes)).toBe(count);
    expect(bytesOfPart(bytes, count)).toBe(last);
    expect(bytesOfPart(bytes, count + 1)).toBe(0);
    const sum = Array.from({ length: count }, (_, index) => bytesOfPart(bytes, index + 1));
    expect(sum.reduce((total, each) => total + each, 0)).toBe(bytes);
  });

  it.each([0, -1, 1.5, NaN, 1e20])('have no number %d', (part) => {
    expect(bytesOfPart(OBJECT_BYTES_MAX, part)).toBe(0);
  });

  it('are whole in any order, each once', () => {
    const [one, two] = [1, 2].map((part) => ({ part, etag: `e${part}` })) as [never, never];
    const bytes = OBJECT_PART_BYTES + 1;
    expect(wholeOf(bytes, [two, one])).toEqual([one, two]);
    for (const parts of [[], [one], [one, one], [one, two, two]]) expect(wholeOf(bytes, parts)).toBeNull();
  });
});
