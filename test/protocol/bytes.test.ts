import { expect, it } from 'vitest';
import { concatenate, ownBytes } from '../../protocol/bytes.ts';

const bytes = Uint8Array.of(1, 2, 3, 4);

it.each([
  [[], []],
  [[bytes.subarray(1, 3)], [2, 3]],
  [
    [bytes, new Uint8Array(), bytes.subarray(3)],
    [1, 2, 3, 4, 4],
  ],
])('parts %j are put together: %j', (parts, whole) => {
  expect([...concatenate(parts)]).toEqual(whole);
});

it('a single part is not copied, and bytes of a larger buffer get one of their own', () => {
  expect(concatenate([bytes])).toBe(bytes);
  expect(ownBytes(bytes)).toBe(bytes);
  const own = ownBytes(bytes.subarray(1, 3));
  expect([[...own], own.buffer.byteLength]).toEqual([[2, 3], 2]);
});
