import { describe, expect, it } from 'vitest';
import { readBatchHeader, verifyBatch } from '../../../protocol/record-batch/index.ts';
import { skipBatch } from '../../../wire/kafka/skip-batch.ts';

describe('a skip batch', () => {
  it('is a sound marker of a commit at the last offset before the one to read on at', () => {
    const bytes = skipBatch(25);
    expect(readBatchHeader(bytes, 0)).toMatchObject({
      baseOffset: 24,
      lastOffsetDelta: 0,
      recordCount: 1,
      isControl: true,
      isTransactional: true,
    });
    expect(verifyBatch(bytes, 0)).toMatchObject({ recordCount: 1 });
  });
});
