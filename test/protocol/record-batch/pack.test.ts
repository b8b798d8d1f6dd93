/** Groups of records that fit a batch, and their encoding. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BATCH_OVERHEAD,
  groupRecords,
  packBatches,
  recordsIn,
  recordSizeUpperBound,
  splitBatches,
  type LocatedBatch,
} from '../../../protocol/record-batch/index.ts';
import { records } from './support/arbitraries.ts';
import { expected } from './support/helpers.ts';

const record = (bytes: number) => ({ key: null, value: new Uint8Array(bytes), timestamp: 0 });
const [small, large] = [record(100), record(5_000)];
const room = (...fitting: { key: null; value: Uint8Array }[]): number =>
  fitting.reduce((sum, one) => sum + recordSizeUpperBound(one), BATCH_OVERHEAD);

describe('groups of records', () => {
  it.each([
    [[], { bytesMax: 1_000 }, []],
    [[small, small], { bytesMax: room(small, small) }, [2]],
    [[small, small], { bytesMax: room(small, small) - 1 }, [1, 1]],
    [[small, large, small], { bytesMax: 1_000 }, [1, 1, 1]],
    [[large], { bytesMax: 1_000 }, [1]],
    [[small, small, small, small, small], { bytesMax: Infinity, recordsMax: 2 }, [2, 2, 1]],
  ])('of %# are bounded', (input, limits, sizes) => {
    expect([...groupRecords(input, limits)].map((group) => group.length)).toEqual(sizes);
  });

  it('begin where they have to', () => {
    const groups = groupRecords(
      [small, small, small, small],
      { bytesMax: Infinity },
      (index) => index % 3 === 0,
    );
    expect([...groups].map((group) => group.length)).toEqual([3, 1]);
  });

  it('are taken one after another', () => {
    let taken = 0;
    function* endless() {
      for (;;) {
        taken += 1;
        yield small;
      }
    }
    const groups = groupRecords(endless(), { bytesMax: Infinity, recordsMax: 10 });
    groups.next();
    expect(taken).toBe(11);
  });
});

describe('packed batches', () => {
  it('hold the records in order, within the limit, each with the options of its first record', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: BATCH_OVERHEAD, max: 2_000 }), (input, bytesMax) => {
        const bytes = packBatches(input, { bytesMax }, (first) => ({ baseOffset: first }));
        for (const { header } of splitBatches(bytes) as LocatedBatch[])
          if (header.recordCount > 1) expect(header.sizeInBytes).toBeLessThanOrEqual(bytesMax);
        expect(recordsIn(bytes)).toEqual(expected(input));
      }),
    );
  });
});
