import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  isDamaged,
  setBaseOffset,
  surveyBatches,
  type StoredPiece,
} from '../../../../protocol/record-batch/index.ts';
import { batchOf } from '../../../support/batches.ts';

/** Batches of 1, 2, 3, ... records, one after another, from offset 100 on. */
function storedBatches(count: number): { bytes: Uint8Array; starts: number[]; end: number } {
  const starts: number[] = [];
  let offset = 100;
  const parts = Array.from({ length: count }, (_, nth) => {
    const batch = batchOf(Array.from({ length: nth + 1 }, (_n, place) => ({ value: `v${nth}-${place}` })));
    setBaseOffset(batch, 0, offset);
    starts.push(offset);
    offset += nth + 1;
    return batch;
  });
  return { bytes: new Uint8Array(Buffer.concat(parts)), starts, end: offset };
}

const soundOffsets = (pieces: readonly StoredPiece[]): number[] =>
  pieces.flatMap((piece) => (isDamaged(piece) ? [] : piece.header.baseOffset));

it('finds every batch where nothing is damaged', () => {
  const { bytes, starts, end } = storedBatches(5);
  const pieces = surveyBatches(bytes, 100, end);
  expect(soundOffsets(pieces)).toEqual(starts);
  expect(pieces.some((piece) => isDamaged(piece))).toBe(false);
});

it('finds all batches but the one in which any bit has flipped, and says which offsets that held', () => {
  const { bytes, starts, end } = storedBatches(4);
  const batchAt = (byte: number): number => {
    const ends = surveyBatches(bytes, 100, end).map((piece) => piece.at);
    return ends.findLastIndex((at) => at <= byte);
  };
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(7), (byte, bit) => {
      const flipped = bytes.slice();
      flipped[byte]! ^= 1 << bit;
      const pieces = surveyBatches(flipped, 100, end);
      const hit = batchAt(byte);
      const others = starts.filter((_, nth) => nth !== hit);
      // The leader epoch means nothing here, and a base offset may flip to one that could be right.
      const sound = soundOffsets(pieces);
      expect(others.every((start) => sound.includes(start))).toBe(true);
      const damaged = pieces.filter(isDamaged);
      if (damaged.length === 0) return;
      expect(damaged).toMatchObject([{ baseOffset: starts[hit], nextOffset: starts[hit + 1] ?? end }]);
    }),
    { numRuns: 2_000 },
  );
});

it('says of bytes without any batch that all is damaged', () => {
  expect(surveyBatches(new Uint8Array(500).fill(2), 7, 9)).toMatchObject([
    { at: 0, end: 500, baseOffset: 7, nextOffset: 9 },
  ]);
});
