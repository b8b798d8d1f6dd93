import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BATCH_OVERHEAD,
  decodeRecords,
  encodeBatch,
  recordSizeUpperBound,
  verifyBatch,
} from '../../../protocol/record-batch/index.ts';
import { options, record, records } from './support/arbitraries.ts';
import { concat, decode, expected, ok, utf8 } from './support/helpers.ts';

const RUNS = { numRuns: 1000 };

describe('encodeBatch and decodeRecords', () => {
  it('give back what went in, and the batch verifies', () => {
    fc.assert(
      fc.property(records, options, (input, opts) => {
        const batch = encodeBatch(input, opts);
        const header = ok(verifyBatch(batch, 0));
        expect(decode(batch)).toEqual(expected(input, opts));
        expect(header).toMatchObject({
          sizeInBytes: batch.length,
          magic: 2,
          compression: 'none',
          timestampType: opts.timestampType ?? 'create',
          isTransactional: opts.isTransactional ?? false,
          isControl: opts.isControl ?? false,
          baseOffset: opts.baseOffset ?? 0,
          partitionLeaderEpoch: opts.partitionLeaderEpoch ?? -1,
          producerId: opts.producerId ?? -1,
          producerEpoch: opts.producerEpoch ?? -1,
          baseSequence: opts.baseSequence ?? -1,
          lastOffsetDelta: input.length - 1,
          recordCount: input.length,
          baseTimestamp: input[0]!.timestamp,
          maxTimestamp: Math.max(...input.map((r) => r.timestamp)),
        });
      }),
      RUNS,
    );
  });

  it('work at any position among other bytes, and on a Buffer', () => {
    fc.assert(
      fc.property(records, fc.uint8Array({ maxLength: 9 }), (input, around) => {
        const batch = encodeBatch(input);
        const bytes = Buffer.from(concat(around, batch, around));
        const header = ok(verifyBatch(bytes, around.length));
        const decoded = ok(decodeRecords(bytes, around.length, header));
        expect(decoded).toEqual(expected(input));
        expect(decoded.every((r) => r.value === null || r.value.constructor === Uint8Array)).toBe(true);
      }),
    );
  });

  it('give keys and values as views of the batch', () => {
    const batch = encodeBatch([{ key: utf8('k'), value: utf8('v'), timestamp: 5 }]);
    const [only] = decode(batch);
    expect(only!.key!.buffer).toBe(batch.buffer);
    expect(only!.value!.buffer).toBe(batch.buffer);
  });

  it('replace a lone surrogate in a header name, as TextEncoder does', () => {
    const batch = encodeBatch([
      { key: null, value: null, timestamp: 0, headers: [{ key: 'a\ud800b\udc00', value: null }] },
    ]);
    expect(decode(batch)[0]!.headers[0]!.key).toBe('a\ufffdb\ufffd');
  });

  it('hold a batch of 100,000 records', () => {
    const input = Array.from({ length: 100_000 }, (_, i) => ({
      key: null,
      value: utf8(String(i)),
      timestamp: i,
    }));
    const batch = encodeBatch(input);
    expect(ok(verifyBatch(batch, 0)).recordCount).toBe(100_000);
    expect(decode(batch)[99_999]).toMatchObject({ offset: 99_999, value: utf8('99999') });
  });

  it.each([
    ['no records', []],
    ['a fractional timestamp', [{ key: null, value: null, timestamp: 1.5 }]],
    ['a timestamp before 1970', [{ key: null, value: null, timestamp: -2 }]],
    ['NaN for a timestamp', [{ key: null, value: null, timestamp: Number.NaN }]],
    ['a timestamp beyond 2^53', [{ key: null, value: null, timestamp: 2 ** 53 }]],
    [
      'timestamps further apart than a number holds',
      [-1, 2 ** 53 - 1].map((timestamp) => ({ key: null, value: null, timestamp })),
    ],
  ])('throw for %s', (_, input) => {
    expect(() => encodeBatch(input)).toThrow(RangeError);
  });
});

describe('the size of a record', () => {
  it('is closely bounded', () => {
    fc.assert(
      fc.property(records, (input) => {
        const bound = input.reduce((sum, r) => sum + recordSizeUpperBound(r), BATCH_OVERHEAD);
        const size = encodeBatch(input).length;
        expect(bound).toBeGreaterThanOrEqual(size);
        expect(bound - size).toBeLessThanOrEqual(18 * input.length);
      }),
      RUNS,
    );
  });

  it('is bounded also at the largest differences of time', () => {
    const empty = { key: null, value: null };
    fc.assert(
      fc.property(record, (r) => {
        for (const [first, second] of [
          [0, Number.MAX_SAFE_INTEGER],
          [Number.MAX_SAFE_INTEGER, 0],
        ] as const) {
          const alone = encodeBatch([{ ...empty, timestamp: first }]).length;
          const both = encodeBatch([
            { ...empty, timestamp: first },
            { ...r, timestamp: second },
          ]).length;
          expect(recordSizeUpperBound(r)).toBeGreaterThanOrEqual(both - alone);
        }
      }),
    );
  });

  it('follows the varint as timestamp deltas grow', () => {
    const probe = { key: null, value: null };
    for (let bits = 0; bits <= 52; bits++) {
      for (const delta of [2 ** bits - 1, 2 ** bits, -(2 ** bits), -(2 ** bits) - 1]) {
        const [first, second] = [
          { ...probe, timestamp: delta < 0 ? -delta : 0 },
          { ...probe, timestamp: 0 },
        ];
        second.timestamp = first.timestamp + delta;
        if (second.timestamp < -1) continue;
        const batch = encodeBatch([first, second]);
        // ceil of the bits of the zigzag form by seven, by an independent route; every other field takes a byte.
        const zigzag = delta >= 0 ? 2n * BigInt(delta) : -2n * BigInt(delta) - 1n;
        const groups = Math.max(1, Math.ceil(zigzag.toString(2).length / 7));
        expect(batch.length).toBe(BATCH_OVERHEAD + 7 + 6 + groups);
        expect(decode(batch)[1]!.timestamp).toBe(second.timestamp);
      }
    }
  });
});
