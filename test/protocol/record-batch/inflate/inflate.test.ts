/** Codecs that only Kafka's clients use: what they have written is read, and what is broken costs no more than its bound. */

import { zstdDecompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inflateLz4 } from '../../../../protocol/record-batch/inflate/lz4.ts';
import { Output } from '../../../../protocol/record-batch/inflate/output.ts';
import { inflateSnappy } from '../../../../protocol/record-batch/inflate/snappy.ts';
import {
  decodeRecordsAsync,
  isBatchFailure,
  openSoundBatch,
  readBatchHeader,
  retainRecords,
  orThrow,
  verifyBatch,
  type Inflate,
} from '../../../../protocol/record-batch/index.ts';
import { CODECS, compressedBatch } from '../../../support/compressed-batch.ts';
import { deflate, inflate } from '../support/helpers.ts';
import { LZ4_OF_KCAT, SNAPPY_OF_JAVA, SNAPPY_OF_KCAT, TEXT, ZSTD_OF_KCAT } from './batches-of-clients.ts';

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

const inflateAny: Inflate = (payload, bytesMax, compression) => {
  if (compression === 'gzip') return inflate(payload, bytesMax, compression);
  if (compression === 'snappy') return inflateSnappy(payload, bytesMax);
  if (compression === 'lz4') return inflateLz4(payload, bytesMax);
  return new Uint8Array(zstdDecompressSync(payload, { maxOutputLength: bytesMax }));
};

/** Literals and copies, as both formats have them. */
type Step = { literal: Uint8Array } | { back: number; count: number };

const stepsOf = fc.array(
  fc.oneof(
    fc.record({ literal: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
    fc.record({ back: fc.integer({ min: 1, max: 60_000 }), count: fc.integer({ min: 4, max: 64 }) }),
  ),
  { maxLength: 30 },
);

/** What the steps give, with copies moved to where something is. */
function played(steps: readonly Step[]): { steps: Step[]; bytes: Uint8Array } {
  const bytes: number[] = [];
  const kept = steps.flatMap((step): Step[] => {
    if ('literal' in step) {
      bytes.push(...step.literal);
      return [step];
    }
    if (bytes.length === 0) return [];
    const back = ((step.back - 1) % bytes.length) + 1;
    for (let at = 0; at < step.count; at++) bytes.push(bytes[bytes.length - back]!);
    return [{ back, count: step.count }];
  });
  return { steps: kept, bytes: new Uint8Array(bytes) };
}

function snappyOf({ steps, bytes }: ReturnType<typeof played>): Uint8Array {
  const block: number[] = [];
  let rest = bytes.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) block.push((rest % 0x80) | 0x80);
  block.push(rest);
  for (const step of steps) {
    if ('literal' in step) {
      const count = step.literal.length - 1;
      if (count < 60) block.push(count << 2);
      else if (count < 256) block.push(60 << 2, count);
      else block.push(61 << 2, count & 255, count >> 8);
      block.push(...step.literal);
    } else if (step.count < 12 && step.back < 2_048) {
      block.push(1 | ((step.count - 4) << 2) | ((step.back >> 8) << 5), step.back & 255);
    } else {
      const isFar = step.back > 30_000;
      block.push((isFar ? 3 : 2) | ((step.count - 1) << 2), step.back & 255, step.back >> 8);
      if (isFar) block.push(0, 0);
    }
  }
  return new Uint8Array(block);
}

function lz4Of({ steps }: ReturnType<typeof played>): Uint8Array {
  const block: number[] = [];
  let literal: number[] = [];
  const countOf = (count: number): number[] => {
    const more: number[] = [];
    for (let left = count - 15; left >= 0; left -= 255) more.push(Math.min(255, left));
    return more;
  };
  const sequence = (copy: { back: number; count: number } | null): void => {
    const copied = copy === null ? 0 : copy.count - 4;
    block.push((Math.min(15, literal.length) << 4) | Math.min(15, copied), ...countOf(literal.length));
    block.push(...literal);
    if (copy) block.push(copy.back & 255, copy.back >> 8, ...countOf(copied));
    literal = [];
  };
  for (const step of steps) {
    if ('literal' in step) literal.push(...step.literal);
    else sequence(step);
  }
  sequence(null);
  const size = [block.length & 255, (block.length >> 8) & 255, block.length >> 16, 0];
  return new Uint8Array([0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0, ...size, ...block, 0, 0, 0, 0]);
}

describe('batches that clients of Kafka have compressed', () => {
  it.each([
    ['snappy, one block', SNAPPY_OF_KCAT],
    ['snappy in frames', SNAPPY_OF_JAVA],
    ['lz4', LZ4_OF_KCAT],
    ['zstd', ZSTD_OF_KCAT],
  ])('are read: %s', async (_, base64) => {
    const bytes = bytesOf(base64);
    const header = orThrow(readBatchHeader(bytes, 0));
    expect(orThrow(verifyBatch(bytes, 0, { inflate: inflateAny })).recordCount).toBe(1);
    const [record] = orThrow(await decodeRecordsAsync(bytes, 0, header, { inflate: inflateAny }));
    expect(Buffer.from(record!.value!).toString()).toBe(TEXT);
    const bounded = await openSoundBatch(bytes, 0, { inflatedBytesMax: 100, inflate: () => null });
    expect(isBatchFailure(bounded) && bounded.code).toBe('invalid_batch');
  });

  it.each(CODECS)('are gzip when compaction has left something out of them: %s', async (codec) => {
    const records = ['a', 'b', 'c'].map((key) => ({ key: Buffer.from(key), value: null, timestamp: 7 }));
    const batch = compressedBatch(codec, records);
    const zlib = { inflate: inflateAny, deflate };
    expect(retainRecords(batch, 0, () => true, zlib)).toBe('unchanged');
    const kept = retainRecords(batch, 0, ({ offset }) => offset !== 1, zlib) as Uint8Array;
    const header = orThrow(readBatchHeader(kept, 0));
    expect(header).toMatchObject({ compression: 'gzip', recordCount: 2, lastOffsetDelta: 2 });
    const left = orThrow(await decodeRecordsAsync(kept, 0, header));
    expect(left.map(({ key }) => Buffer.from(key!).toString())).toEqual(['a', 'c']);
  });
});

describe.each([
  ['snappy', inflateSnappy, snappyOf],
  ['lz4', inflateLz4, lz4Of],
])('%s', (_, inflating, compress) => {
  it('gives back what was compressed, and nothing above the bound', () => {
    fc.assert(
      fc.property(stepsOf, (given) => {
        const result = played(given);
        const compressed = compress(result);
        expect(inflating(compressed, result.bytes.length)).toEqual(result.bytes);
        if (result.bytes.length > 0) expect(inflating(compressed, result.bytes.length - 1)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  it('gives nothing or at most the bound for what is broken', () => {
    fc.assert(
      fc.property(stepsOf, fc.nat(), fc.nat(255), fc.nat(), (given, at, value, cut) => {
        const compressed = compress(played(given));
        const broken = compressed.slice(0, compressed.length - (cut % 3));
        broken[at % broken.length] = value;
        expect(inflating(broken, 1_000)?.length ?? 0).toBeLessThanOrEqual(1_000);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives nothing for what is something else', () => {
    for (const bytes of [[], [0xff], [0x04, 0x22, 0x4d, 0x18], [5, 0], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80]])
      expect(inflating(new Uint8Array(bytes), 1_000)).toBeNull();
  });
});

describe('frames of snappy', () => {
  const framed = (...blocks: Uint8Array[]): Uint8Array => {
    const header = Buffer.from('82534e41505059000000000100000001', 'hex');
    const parts = blocks.flatMap((block) => {
      const size = Buffer.alloc(4);
      size.writeInt32BE(block.length);
      return [size, block];
    });
    return new Uint8Array(Buffer.concat([header, ...parts]));
  };
  const block = snappyOf(played([{ literal: new Uint8Array([1, 2, 3]) }]));

  it('hold several blocks, or none', () => {
    expect(inflateSnappy(framed(block, block), 6)).toEqual(new Uint8Array([1, 2, 3, 1, 2, 3]));
    expect(inflateSnappy(framed(block, block), 5)).toBeNull();
    expect(inflateSnappy(framed(), 5)).toEqual(new Uint8Array());
  });

  it('are refused if they are cut short, or a block repeats what is of another', () => {
    expect(inflateSnappy(framed(block).subarray(0, -1), 100)).toBeNull();
    expect(inflateSnappy(framed(block).subarray(0, 18), 100)).toBeNull();
    expect(inflateSnappy(framed(block, new Uint8Array([4, 1, 3])), 100)).toBeNull();
  });
});

describe('the output of an inflater', () => {
  it('repeats only what is there, and grows to its bound', () => {
    const output = new Output(10_000, 0);
    expect(output.repeat(1, 1)).toBe(false);
    expect(output.literal(new Uint8Array([1, 2]), 0, 2)).toBe(true);
    expect(output.repeat(3, 1)).toBe(false);
    expect(output.repeat(0, 1)).toBe(false);
    expect(output.repeat(2, 9_998)).toBe(true);
    expect(output.repeat(2, 1)).toBe(false);
    expect(output.taken().length).toBe(10_000);
    expect(output.taken().subarray(-3)).toEqual(new Uint8Array([2, 1, 2]));
  });
});
