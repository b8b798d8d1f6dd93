/** Reading of batches that the broker wrote. */

import { describe, expect, it } from 'vitest';
import { encodeBatch, orThrow, recordsAt, recordsIn } from '../../../protocol/record-batch/index.ts';
import { concat } from './support/helpers.ts';

const record = { key: null, value: null, timestamp: 1 };
const batches = concat(encodeBatch([record, record]), encodeBatch([record], { baseOffset: 2 }));
const second = encodeBatch([record, record]).length;

describe('records of stored batches', () => {
  it('are read one batch after another', () => {
    expect(recordsIn(batches).map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(recordsIn(new Uint8Array())).toEqual([]);
  });

  it('are read of the batch at a position', () => {
    expect(recordsAt(batches, 0).map(({ offset }) => offset)).toEqual([0, 1]);
    expect(recordsAt(batches, second).map(({ offset }) => offset)).toEqual([2]);
  });

  it('that cannot be read are a bug', () => {
    expect(() => recordsIn(batches.subarray(0, batches.length - 1))).toThrow('cannot be read');
    expect(() => recordsAt(batches, 1)).toThrow('cannot be read');
    expect(orThrow(null)).toBeNull();
  });
});
