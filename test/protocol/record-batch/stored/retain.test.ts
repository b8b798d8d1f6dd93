import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  eachRecordKey,
  encodeBatch,
  gzipBatch,
  retainRecords,
  stampAppendTime,
  verifyBatch,
  type LogRecord,
  type RecordKey,
} from '../../../../protocol/record-batch/index.ts';
import { options, records } from '../support/arbitraries.ts';
import { codeOf, concat, decode, deflate, headerOf, inflate, ok, plain, utf8 } from '../support/helpers.ts';

const codec = { inflate, deflate };

const asKey = (record: LogRecord): RecordKey => ({
  offset: record.offset,
  timestamp: record.timestamp,
  key: record.key,
  isTombstone: record.value === null,
});

/** Decode everything, filter, and say what the header must be. */
function model(batch: Uint8Array, keep: (offset: number) => boolean) {
  const all = decode(batch);
  const survivors = all.filter((record) => keep(record.offset));
  const header = headerOf(batch);
  const largest = survivors.reduce((max, record) => Math.max(max, record.timestamp), -1);
  return {
    all,
    survivors,
    header: { ...header, recordCount: survivors.length, maxTimestamp: largest, crc: 0, sizeInBytes: 0 },
  };
}

async function variants(input: Parameters<typeof encodeBatch>[0], opts: Parameters<typeof encodeBatch>[1]) {
  const batch = encodeBatch(input, opts);
  const stamped = plain(batch);
  stampAppendTime(stamped, 0, 1_800_000_000_000);
  return [batch, stamped, await gzipBatch(batch)];
}

describe('retainRecords', () => {
  it('agrees with filtering the decoded records, twice over', async () => {
    await fc.assert(
      fc.asyncProperty(records, options, fc.nat(), fc.nat(), async (input, opts, mask, again) => {
        for (const batch of await variants(input, opts)) {
          let current = batch;
          for (const bits of [mask, again]) {
            const base = headerOf(current).baseOffset;
            const keep = (offset: number): boolean => ((bits >> (offset - base)) & 1) === 1;
            const should = model(current, keep);
            const before = plain(current);
            const asked: RecordKey[] = [];
            const bytes = concat(utf8('ab'), current);
            const result = ok(retainRecords(bytes, 2, (r) => (asked.push(r), keep(r.offset)), codec));
            expect(asked).toEqual(should.all.map(asKey));
            expect(bytes.subarray(2)).toEqual(before);
            if (should.survivors.length === 0) {
              expect(result).toBeNull();
              return;
            }
            if (should.survivors.length === should.all.length) {
              expect(result).toBe('unchanged');
              continue;
            }
            const kept = result as Uint8Array;
            expect(decode(kept)).toEqual(should.survivors);
            const header = ok(verifyBatch(kept, 0, { allowGaps: true, inflate }));
            expect(header.sizeInBytes).toBe(kept.length);
            expect({ ...header, crc: 0, sizeInBytes: 0 }).toEqual(should.header);
            current = kept;
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('does not read gzip without a codec, nor what is not a batch', async () => {
    const batch = await gzipBatch(encodeBatch([{ key: null, value: null, timestamp: 0 }]));
    expect(codeOf(retainRecords(batch, 0, () => true))).toBe('unsupported_compression');
    expect(codeOf(retainRecords(batch, 0, () => true, { ...codec, inflatedBytesMax: 6 }))).toBe(
      'invalid_batch',
    );
    expect(codeOf(retainRecords(batch.subarray(1), 0, () => true))).not.toBe('ok');
  });
});

describe('eachRecordKey', () => {
  it('shows what decoding shows', () => {
    fc.assert(
      fc.property(records, options, (input, opts) => {
        const batch = encodeBatch(input, opts);
        const seen: RecordKey[] = [];
        expect(eachRecordKey(batch, 0, headerOf(batch), (record) => void seen.push(record))).toBeNull();
        expect(seen).toEqual(decode(batch).map(asKey));
      }),
    );
  });

  it('stops when told to', () => {
    const batch = encodeBatch([1, 2, 3].map((timestamp) => ({ key: null, value: null, timestamp })));
    const seen: number[] = [];
    eachRecordKey(batch, 0, headerOf(batch), (record) => {
      seen.push(record.offset);
      return record.offset < 1 ? undefined : false;
    });
    expect(seen).toEqual([0, 1]);
  });
});
