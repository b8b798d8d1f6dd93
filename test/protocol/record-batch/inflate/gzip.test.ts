import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeRecords,
  decodeRecordsAsync,
  encodeBatch,
  gzipBatch,
  setBaseOffset,
  stampAppendTime,
  verifyBatch,
} from '../../../../protocol/record-batch/index.ts';
import { options, records } from '../support/arbitraries.ts';
import {
  codeOf,
  concat,
  dataView,
  decode,
  expected,
  fixCrc,
  headerOf,
  inflate,
  inflated,
  ok,
  plain,
  utf8,
  verifyAsync,
} from '../support/helpers.ts';

const MIB = 1024 * 1024;
const small = encodeBatch([
  { key: utf8('a'), value: utf8('1'.repeat(50)), timestamp: 1000 },
  { key: utf8('b'), value: null, timestamp: 900 },
]);

/** The checksum of a gzip stream is the first four of its last eight bytes. */
const wrongChecksum = gzipSync(small.subarray(61));
wrongChecksum[wrongChecksum.length - 6]! ^= 1;

/** A gzip batch with the right CRC whose payload is given. */
function withPayload(payload: Uint8Array): Uint8Array {
  const batch = concat(small.subarray(0, 61), payload);
  dataView(batch).setInt32(8, batch.length - 12);
  dataView(batch).setInt16(21, 1);
  fixCrc(batch);
  return batch;
}

describe('gzip', () => {
  it('round-trips, by streams and by an injected inflate alike', async () => {
    await fc.assert(
      fc.asyncProperty(records, options, async (input, opts) => {
        const batch = encodeBatch(input, opts);
        const zipped = await gzipBatch(batch);
        const header = ok(await verifyAsync(zipped));
        expect(header).toEqual(ok(verifyBatch(zipped, 0, { inflate })));
        expect(header).toEqual({
          ...headerOf(batch),
          attributes: headerOf(batch).attributes | 1,
          compression: 'gzip',
          crc: header.crc,
          sizeInBytes: zipped.length,
        });
        expect(ok(await decodeRecordsAsync(zipped, 0, header))).toEqual(expected(input, opts));
        expect(ok(decodeRecords(zipped, 0, header, { inflate }))).toEqual(expected(input, opts));
        expect(await inflated(concat(utf8('xyz'), zipped, utf8('tail')), 3)).toEqual(batch.subarray(61));
      }),
      { numRuns: 100 },
    );
  });

  it('holds batches of a megabyte and more', async () => {
    const input = Array.from({ length: 3000 }, (_, i) => ({
      key: null,
      value: Uint8Array.from({ length: 1000 }, (_x, j) => Math.imul(i * 1000 + j, 2654435761) >>> 23),
      timestamp: i,
    }));
    const batch = encodeBatch(input);
    const zipped = await gzipBatch(batch);
    expect(await inflated(zipped)).toEqual(batch.subarray(61));
  });

  it('survives the setters', async () => {
    const zipped = await gzipBatch(small);
    setBaseOffset(zipped, 0, 77);
    stampAppendTime(zipped, 0, 5000);
    const header = ok(await verifyAsync(zipped));
    expect(ok(await decodeRecordsAsync(zipped, 0, header)).map((r) => [r.offset, r.timestamp])).toEqual([
      [77, 5000],
      [78, 5000],
    ]);
  });

  it('passes uncompressed batches through', async () => {
    expect(await inflated(small)).toEqual(small.subarray(61));
    expect(ok(await verifyAsync(small))).toEqual(headerOf(small));
    expect(ok(await decodeRecordsAsync(small, 0, headerOf(small)))).toEqual(decode(small));
  });

  it('keeps to the bound to the byte', async () => {
    const zipped = await gzipBatch(small);
    const size = small.length - 61;
    for (const [bytesMax, code] of [
      [size, 'ok'],
      [size - 1, 'invalid_batch'],
      [0, 'invalid_batch'],
    ] as const) {
      expect(codeOf(await verifyAsync(zipped, 0, bytesMax))).toBe(code);
      expect(codeOf(verifyBatch(zipped, 0, { inflate, inflatedBytesMax: bytesMax }))).toBe(code);
    }
  });

  it('holds an injected inflate to the bound too', async () => {
    const careless = (payload: Uint8Array): Uint8Array | null => inflate(payload, MIB, 'gzip');
    const result = verifyBatch(await gzipBatch(small), 0, { inflate: careless, inflatedBytesMax: 10 });
    expect(codeOf(result)).toBe('invalid_batch');
  });

  it('stops a decompression bomb early', async () => {
    const bomb = withPayload(gzipSync(Buffer.alloc(200 * MIB)));
    expect(bomb.length).toBeLessThan(MIB);
    const before = process.memoryUsage();
    for (let i = 0; i < 5; i++) expect(codeOf(await verifyAsync(bomb))).toBe('invalid_batch');
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(150 * MIB);
    expect(codeOf(verifyBatch(bomb, 0, { inflate }))).toBe('invalid_batch');
  });

  it.each<[string, Uint8Array]>([
    ['no payload', withPayload(new Uint8Array(0))],
    ['a payload that is not gzip', withPayload(utf8('not gzip at all'))],
    ['a payload cut short', withPayload(gzipSync(small.subarray(61)).subarray(0, -9))],
    ['a payload with a wrong gzip checksum', withPayload(wrongChecksum)],
    ['records that are not records', withPayload(gzipSync(utf8('hello')))],
  ])('refuses %s', async (_, batch) => {
    expect(codeOf(await verifyAsync(batch))).toBe('invalid_batch');
    expect(codeOf(verifyBatch(batch, 0, { inflate }))).toBe('invalid_batch');
    const records = await decodeRecordsAsync(batch, 0, headerOf(batch));
    expect(codeOf(records)).toBe('invalid_batch');
  });

  it('checks the CRC before it inflates', async () => {
    const zipped = plain(await gzipBatch(small));
    zipped[zipped.length - 1]! ^= 1;
    expect(codeOf(await verifyAsync(zipped))).toBe('corrupt_batch');
  });

  it('names a codec as unsupported that it is given no way to inflate', async () => {
    for (const type of [2, 3, 4]) {
      const batch = plain(small);
      dataView(batch).setInt16(21, type);
      fixCrc(batch);
      expect(codeOf(await verifyAsync(batch))).toBe('unsupported_compression');
      expect(codeOf(await decodeRecordsAsync(batch, 0, headerOf(batch)))).toBe('unsupported_compression');
    }
  });

  it('throws for what is not one uncompressed batch', async () => {
    await expect(gzipBatch(concat(small, small))).rejects.toThrow(RangeError);
    await expect(gzipBatch(small.subarray(0, 70))).rejects.toThrow(RangeError);
    await expect(gzipBatch(await gzipBatch(small))).rejects.toThrow(RangeError);
  });
});
