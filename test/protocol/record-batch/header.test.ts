import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BATCH_OVERHEAD,
  encodeBatch,
  isBatchFailure,
  readBatchHeader,
  setBaseOffset,
  setProducer,
  splitBatches,
  stampAppendTime,
  verifyBatch,
} from '../../../protocol/record-batch/index.ts';
import { options, records } from './support/arbitraries.ts';
import {
  codeOf,
  concat,
  dataView,
  decode,
  expected,
  fixCrc,
  headerOf,
  ok,
  plain,
  utf8,
} from './support/helpers.ts';

const small = encodeBatch([
  { key: utf8('a'), value: utf8('1'), timestamp: 1000 },
  { key: utf8('b'), value: null, timestamp: 900, headers: [{ key: 'h', value: null }] },
]);

describe('readBatchHeader', () => {
  it('says truncated_batch for every length short of the whole', () => {
    for (let length = 0; length < small.length; length++) {
      expect(codeOf(readBatchHeader(small.subarray(0, length), 0))).toBe('truncated_batch');
      expect(codeOf(verifyBatch(small.subarray(0, length), 0))).toBe('truncated_batch');
      expect(codeOf(splitBatches(concat(small, small.subarray(0, length))))).toBe(
        length === 0 ? 'ok' : 'truncated_batch',
      );
    }
  });

  it('says truncated_batch for a position at or past the end', () => {
    expect(codeOf(readBatchHeader(small, small.length))).toBe('truncated_batch');
    expect(codeOf(readBatchHeader(small, small.length + 100))).toBe('truncated_batch');
  });

  it.each<[string, string, (view: DataView) => void]>([
    ['magic 0', 'unsupported_magic', (v) => v.setInt8(16, 0)],
    ['magic 1', 'unsupported_magic', (v) => v.setInt8(16, 1)],
    ['magic 3', 'unsupported_magic', (v) => v.setInt8(16, 3)],
    ['magic -1', 'unsupported_magic', (v) => v.setInt8(16, -1)],
    ['a length of less than the header', 'invalid_batch', (v) => v.setInt32(8, 48)],
    ['length 0', 'invalid_batch', (v) => v.setInt32(8, 0)],
    ['a negative length', 'invalid_batch', (v) => v.setInt32(8, -1)],
    ['a length of 2 GiB', 'truncated_batch', (v) => v.setInt32(8, 0x7fff_ffff)],
    ['compression type 5', 'unsupported_compression', (v) => v.setInt16(21, 5)],
    ['compression type 7', 'unsupported_compression', (v) => v.setInt16(21, 7)],
    ['a negative base offset', 'invalid_batch', (v) => v.setBigInt64(0, -1n)],
    ['base offset 2^53', 'invalid_batch', (v) => v.setBigInt64(0, 2n ** 53n)],
    ['a last offset of 2^53', 'invalid_batch', (v) => v.setBigInt64(0, 2n ** 53n - 1n)],
    ['a negative last offset delta', 'invalid_batch', (v) => v.setInt32(23, -1)],
    ['base timestamp 2^53', 'invalid_batch', (v) => v.setBigInt64(27, 2n ** 53n)],
    ['base timestamp -2^63', 'invalid_batch', (v) => v.setBigInt64(27, -(2n ** 63n))],
    ['max timestamp 2^63 - 1', 'invalid_batch', (v) => v.setBigInt64(35, 2n ** 63n - 1n)],
    ['producer id 2^60', 'invalid_batch', (v) => v.setBigInt64(43, 2n ** 60n)],
    ['a negative record count', 'invalid_batch', (v) => v.setInt32(57, -1)],
  ])('refuses %s with %s', (_, code, change) => {
    const batch = plain(small);
    change(dataView(batch));
    expect(codeOf(readBatchHeader(batch, 0))).toBe(code);
  });

  it.each([
    [1, 'gzip'],
    [2, 'snappy'],
    [3, 'lz4'],
    [4, 'zstd'],
  ])('names compression type %i %s', (type, name) => {
    const batch = plain(small);
    dataView(batch).setInt16(21, type);
    fixCrc(batch);
    expect(headerOf(batch).compression).toBe(name);
    expect(codeOf(verifyBatch(batch, 0))).toBe('unsupported_compression');
  });

  it('reads every int64 that a number holds', () => {
    const batch = plain(small);
    for (const value of [
      0n,
      -1n,
      2n ** 31n,
      2n ** 32n,
      2n ** 32n - 1n,
      2n ** 53n - 1n,
      -(2n ** 53n) + 1n,
      -(2n ** 32n),
    ]) {
      dataView(batch).setBigInt64(27, value);
      expect(BigInt(headerOf(batch).baseTimestamp)).toBe(value);
    }
  });
});

describe('splitBatches', () => {
  it('finds the batches of a run, and none in no bytes', () => {
    fc.assert(
      fc.property(fc.array(records, { maxLength: 5 }), (inputs) => {
        const batches = inputs.map((input) => encodeBatch(input));
        const located = ok(splitBatches(concat(...batches)));
        expect(located.map(({ header }) => header.sizeInBytes)).toEqual(batches.map((b) => b.length));
        located.forEach(({ at }, i) => {
          expect(decode(concat(...batches), at)).toEqual(expected(inputs[i]!));
        });
      }),
    );
  });
});

describe('the setters', () => {
  it('setBaseOffset changes nothing that the CRC covers', () => {
    fc.assert(
      fc.property(records, fc.maxSafeNat(), (input, offset) => {
        const baseOffset = Math.min(offset, Number.MAX_SAFE_INTEGER - 100);
        const batch = concat(utf8('x'), encodeBatch(input));
        const before = headerOf(batch, 1);
        setBaseOffset(batch, 1, baseOffset);
        expect(ok(verifyBatch(batch, 1))).toEqual({ ...before, baseOffset });
        expect(decode(batch, 1)).toEqual(expected(input, { baseOffset }));
      }),
    );
  });

  it('stampAppendTime gives every record the time, keeps the rest, and may be repeated', () => {
    fc.assert(
      fc.property(records, options, fc.maxSafeNat(), fc.maxSafeNat(), (input, opts, first, second) => {
        const batch = encodeBatch(input, opts);
        const before = headerOf(batch);
        for (const ms of [first, second]) {
          stampAppendTime(batch, 0, ms);
          const after = ok(verifyBatch(batch, 0));
          expect({ ...after, crc: 0 }).toEqual({
            ...before,
            crc: 0,
            attributes: before.attributes | 8,
            timestampType: 'append',
            maxTimestamp: ms,
          });
          expect(decode(batch)).toEqual(expected(input, opts).map((r) => ({ ...r, timestamp: ms })));
        }
      }),
    );
  });

  it('setProducer makes the same bytes as encoding with the producer', () => {
    fc.assert(
      fc.property(
        records,
        fc.maxSafeNat(),
        fc.nat(0x7fff),
        fc.nat(0x7fff_ffff),
        (input, id, epoch, sequence) => {
          const batch = encodeBatch(input);
          setProducer(batch, 0, { id, epoch, sequence });
          expect(batch).toEqual(
            encodeBatch(input, { producerId: id, producerEpoch: epoch, baseSequence: sequence }),
          );
        },
      ),
    );
  });
});

it('isBatchFailure knows a failure from every kind of result', () => {
  expect(isBatchFailure(readBatchHeader(new Uint8Array(0), 0))).toBe(true);
  for (const result of [headerOf(small), small, [], null, 'unchanged', undefined]) {
    expect(isBatchFailure(result)).toBe(false);
  }
  expect(BATCH_OVERHEAD).toBe(61);
});
