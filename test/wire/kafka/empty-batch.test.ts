import { describe, expect, it } from 'vitest';
import { readBatchHeader, recordsIn, verifyBatch } from '../../../protocol/record-batch/index.ts';
import { emptyBatch } from '../../../wire/kafka/empty-batch.ts';

describe('an empty batch', () => {
  it('is a sound batch without records that ends before the offset to read on at', () => {
    const bytes = emptyBatch(10, 25);
    expect(readBatchHeader(bytes, 0)).toMatchObject({
      baseOffset: 10,
      lastOffsetDelta: 14,
      recordCount: 0,
      producerId: -1,
    });
    expect(verifyBatch(bytes, 0, { allowGaps: true })).toMatchObject({ recordCount: 0 });
    expect(recordsIn(bytes)).toEqual([]);
  });
});
