/** Fetching as tables: which offsets can be read, and which bytes answer. */

import { describe, expect, it } from 'vitest';
import { checkOffset, sliceSegment, storedHeader, storedParts } from '../../../core/log/fetch.ts';
import { EMPTY_LOG } from '../../../core/log/segment.ts';
import { setBaseOffset } from '../../../protocol/record-batch/index.ts';
import { filler } from '../../support/batches.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

/** Three batches of two records, from offset 10 on, all of one size. */
const parts = [10, 12, 14].map((baseOffset) => {
  const bytes = filler(2, 50);
  setBaseOffset(bytes, 0, baseOffset);
  return bytes;
});
const SIZE = parts[0]!.length;
const segment = new Uint8Array(parts.flatMap((part) => [...part]));
const range = { baseOffset: 10, nextOffset: 16 };

/** `bytes` in batches. */
const SLICES = rowsOf<'offset' | 'bytes' | 'records' | 'slice' | 'because'>(`
  offset | bytes | records | slice   | because
  10     | 9     | 99      | 0-3 16  | all of it
  10     | 2     | 99      | 0-2 14  | whole batches, as many bytes as there may be
  10     | 2.9   | 99      | 0-2 14  | never a part of one
  10     | 0.1   | 99      | 0-1 12  | at least one
  10     | 9     | 2       | 0-1 12  | as many records as there may be
  10     | 9     | 3       | 0-2 14  | the batch that has the last of them
  11     | 9     | 1       | 0-1 12  | from the batch that holds the offset
  12     | 9     | 99      | 1-3 16  | from the batch that begins with it
  15     | 9     | 99      | 2-3 16  | the last one
  16     | 9     | 99      | none    | there is nothing after it
  5      | 1     | 99      | 0-1 12  | what was removed before it does not matter
`);

describe('a fetch', () => {
  it.each(SLICES)('from $offset of $bytes batches and $records records is $slice: $because', (row) => {
    const slice = sliceSegment(
      segment,
      range,
      Number(row.offset),
      Number(row.bytes) * SIZE,
      Number(row.records),
    );
    const text = slice ? `${slice.start / SIZE}-${slice.end / SIZE} ${slice.nextOffset}` : 'none';
    expect(text).toBe(row.slice);
  });

  it.each<[number, string | null, string]>([
    [9, 'offset_below_start', 'it was removed'],
    [10, null, 'the first'],
    [16, null, 'where the next record will be'],
    [17, 'offset_past_end', 'it does not exist yet'],
  ])('at %i is refused: %s, %s', (offset, code) => {
    const failed = checkOffset({ ...EMPTY_LOG, logStartOffset: 10, nextOffset: 16 }, offset);
    expect(failed?.code ?? null).toBe(code);
    if (failed) expect(failed.details).toEqual({ log_start_offset: 10, high_watermark: 16 });
  });
});

describe('the parts of a segment', () => {
  it('are its batches', () => {
    expect(storedParts(segment, range).map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset])).toEqual(
      [
        [10, 12],
        [12, 14],
        [14, 16],
      ],
    );
  });

  it('are what is left of it where it is damaged, and keep their offsets', () => {
    const damaged = segment.slice();
    damaged.fill(0, SIZE, 2 * SIZE);
    expect(
      storedParts(damaged, range).map(({ at, baseOffset, nextOffset }) => [at, baseOffset, nextOffset]),
    ).toEqual([
      [0, 10, 12],
      [SIZE, 12, 14],
      [2 * SIZE, 14, 16],
    ]);
  });

  it('have headers that were checked before', () => {
    expect(storedHeader(segment, SIZE).baseOffset).toBe(12);
    expect(() => storedHeader(segment, segment.length - 5)).toThrow('cannot be read');
  });
});
