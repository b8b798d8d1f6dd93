/** Compressed batches with the codecs that Kafka's clients use. Snappy and LZ4 hold the records as literals. */

import { gzipSync, zstdCompressSync } from 'node:zlib';
import { concatenate } from '../../protocol/bytes.ts';
import { BATCH_OVERHEAD, FIELD, LENGTH_OVERHEAD, sealBatch } from '../../protocol/record-batch/header.ts';
import { encodeBatch, type EncodeOptions, type RecordInput } from '../../protocol/record-batch/index.ts';
import { writeInt16, writeInt32 } from '../../protocol/record-batch/primitives/int.ts';

export const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Codec = (typeof CODECS)[number];

const COMPRESS: Record<Codec, (records: Uint8Array) => Uint8Array> = {
  gzip: (records) => gzipSync(records),
  zstd: (records) => zstdCompressSync(records),
  snappy: (records) => {
    const rest = records.length >> 7;
    const length = [(records.length & 0x7f) | 0x80, (rest & 0x7f) | 0x80, rest >> 7];
    const last = records.length - 1;
    return concatenate([
      new Uint8Array([...length, 62 << 2, last & 255, (last >> 8) & 255, last >> 16]),
      records,
    ]);
  },
  lz4: (records) => {
    const size = [records.length & 255, (records.length >> 8) & 255, records.length >> 16, 0x80];
    const header = new Uint8Array([0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0, ...size]);
    return concatenate([header, records, new Uint8Array(4)]);
  },
};

export function compressedBatch(
  codec: Codec,
  records: readonly RecordInput[],
  options?: EncodeOptions,
): Uint8Array {
  const plain = encodeBatch(records, options);
  const payload = COMPRESS[codec](plain.subarray(BATCH_OVERHEAD));
  const batch = concatenate([plain.subarray(0, BATCH_OVERHEAD), payload]);
  writeInt32(batch, FIELD.batchLength, batch.length - LENGTH_OVERHEAD);
  writeInt16(batch, FIELD.attributes, CODECS.indexOf(codec) + 1);
  sealBatch(batch, 0);
  return batch;
}
