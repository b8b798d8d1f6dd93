/**
 * Hostile bytes: whatever comes, every function gives a result. None throws, hangs, or allocates beyond what the bytes
 * justify; and what verification accepts, all readers read, in the same way.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeRecords,
  eachRecordKey,
  encodeBatch,
  gzipBatch,
  isBatchFailure,
  readBatchHeader,
  retainRecords,
  splitBatches,
  verifyBatch,
} from '../../../protocol/record-batch/index.ts';
import { cpuMsOf } from '../../support/cpu-time.ts';
import { options, records } from './support/arbitraries.ts';
import { dataView, deflate, fixCrc, headerOf, inflate, ok, plain, verifyAsync } from './support/helpers.ts';

function readEveryWay(bytes: Uint8Array, at: number): void {
  splitBatches(bytes);
  const header = readBatchHeader(bytes, at);
  const verified = verifyBatch(bytes, at, { inflate, inflatedBytesMax: 1 << 20 });
  if (isBatchFailure(header)) {
    expect(verified).toEqual(header);
    return;
  }
  const decoded = decodeRecords(bytes, at, header, { inflate });
  let seen = 0;
  const failure = eachRecordKey(bytes, at, header, () => void seen++, { inflate });
  expect(failure === null).toBe(!isBatchFailure(decoded));
  const kept = retainRecords(bytes, at, (r) => r.offset % 2 === 0, { inflate, deflate });
  expect(isBatchFailure(kept)).toBe(isBatchFailure(decoded));
  if (isBatchFailure(verified)) return;
  expect(ok(decoded)).toHaveLength(header.recordCount);
  expect(seen).toBe(header.recordCount);
  if (kept instanceof Uint8Array) ok(verifyBatch(kept, 0, { allowGaps: true, inflate }));
  if (header.compression === 'none') {
    // Canonical apart from varints longer than need be: encoding the same again gives what decodes the same.
    const again = encodeBatch(ok(decoded), { ...header, producerId: -1 });
    expect(ok(decodeRecords(again, 0, headerOf(again)))).toEqual(decoded);
  }
}

interface Mutation {
  kind: 'flip' | 'set' | 'int32' | 'cut' | 'insert';
  at: number;
  value: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('flip', 'set', 'int32', 'cut', 'insert'),
  at: fc.nat(400),
  value: fc.oneof(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff_ffff, -1, -0x8000_0000), fc.integer()),
});

function mutate(batch: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let bytes = plain(batch);
  for (const { kind, at: anywhere, value } of mutations) {
    const at = anywhere % bytes.length;
    if (kind === 'flip') bytes[at]! ^= value;
    else if (kind === 'set') bytes[at] = value;
    else if (kind === 'int32' && at + 4 <= bytes.length) dataView(bytes).setInt32(at, value);
    else if (kind === 'cut') bytes = plain(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]));
    else if (kind === 'insert') {
      bytes = plain(Buffer.concat([bytes.subarray(0, at), Uint8Array.of(value), bytes.subarray(at)]));
    }
  }
  return bytes;
}

/** Repairs what a hostile producer would: magic, length and CRC; so that the mutation reaches the deeper checks. */
function repair(bytes: Uint8Array): void {
  if (bytes.length < 61) return;
  bytes[16] = 2;
  dataView(bytes).setInt32(8, bytes.length - 12);
  fixCrc(bytes);
}

describe('hostile bytes', () => {
  it('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), fc.boolean(), (bytes, at, repaired) => {
        if (repaired) repair(bytes);
        readEveryWay(bytes, repaired ? 0 : at);
      }),
      { numRuns: 5000 },
    );
  });

  it('a right header over random records', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(0, 1, 2, 3, 12, 14, 0x80, 0xff), fc.nat(255)), { maxLength: 120 }),
        fc.nat(6),
        (content, count) => {
          const batch = new Uint8Array(61 + content.length);
          batch.set(content, 61);
          dataView(batch).setInt32(23, Math.max(0, count - 1));
          dataView(batch).setInt32(57, count);
          repair(batch);
          readEveryWay(batch, 0);
        },
      ),
      { numRuns: 10_000 },
    );
  });

  it('batches with bytes changed, with the CRC as it was and with the CRC made right', () => {
    fc.assert(
      fc.property(
        records,
        options,
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (input, opts, mutations, repaired) => {
          const bytes = mutate(encodeBatch(input, opts), mutations);
          if (repaired) repair(bytes);
          readEveryWay(bytes, 0);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('gzip batches with bytes changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        records,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        async (input, mutations) => {
          const bytes = mutate(await gzipBatch(encodeBatch(input)), mutations);
          repair(bytes);
          readEveryWay(bytes, 0);
          const sync = verifyBatch(bytes, 0, { inflate });
          const streamed = await verifyAsync(bytes);
          // Node's gunzipSync takes concatenated gzip members, streams do not: those inputs alone may differ.
          if (!isBatchFailure(streamed)) expect(sync).toEqual(streamed);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('counts and lengths that promise gigabytes cost nothing', () => {
    const batch = encodeBatch([{ key: null, value: null, timestamp: 0 }]);
    dataView(batch).setInt32(57, 0x7fff_ffff);
    dataView(batch).setInt32(23, 0x7fff_fffe);
    fixCrc(batch);
    const before = process.memoryUsage().arrayBuffers;
    const cpuMs = cpuMsOf(() => {
      for (let i = 0; i < 1_000; i++) readEveryWay(batch, 0);
    });
    expect(cpuMs).toBeLessThan(2_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 22);
  });
});
