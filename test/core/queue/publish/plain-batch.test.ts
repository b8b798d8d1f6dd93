import { describe, expect, it } from 'vitest';
import { hasOnlyValues } from '../../../../core/queue/publish/plain-batch.ts';
import {
  encodeBatch,
  isBatchFailure,
  readBatchHeader,
  type LogRecord,
} from '../../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../../support/batches.ts';

const record = (more: Partial<LogRecord> = {}): LogRecord => ({
  offset: 0,
  timestamp: 1_000,
  key: null,
  value: bytesOf('value'),
  headers: [],
  ...more,
});

describe('a batch', () => {
  it.each([
    ['of values', [record(), record()], true],
    ['of tombstones', [record({ value: null })], true],
    ['with a key', [record(), record({ key: bytesOf('k') })], false],
    ['with an empty key', [record({ key: bytesOf('') })], false],
    ['with a header', [record({ headers: [{ key: 'a', value: null }] }), record()], false],
  ])('%s has only values: %s', (_, records, expected) => {
    const bytes = encodeBatch(records);
    const header = readBatchHeader(bytes, 0);
    if (isBatchFailure(header)) throw new Error(header.message);
    expect(hasOnlyValues(bytes, 0, header)).toBe(expected);
  });

  it('that cannot be read is not taken for one', () => {
    const bytes = encodeBatch([record()]);
    const header = readBatchHeader(bytes, 0);
    if (isBatchFailure(header)) throw new Error(header.message);
    bytes[bytes.length - 6] = 0xff;
    expect(hasOnlyValues(bytes.slice(0, -1), 0, { ...header, recordCount: 5 })).toBe(false);
  });
});
