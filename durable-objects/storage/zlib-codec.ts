/** Codecs for stored batches, bounded against batches that inflate without end: gzip and zstd by the runtime's zlib, synchronous. */

import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { BATCH_INFLATED_BYTES_MAX } from '../../protocol/limits.ts';
import { inflateLz4, inflateSnappy, type RetainCodec } from '../../protocol/record-batch/index.ts';

export const zlibCodec: RetainCodec = {
  inflate: (payload, bytesMax, compression) => {
    if (compression === 'snappy') return inflateSnappy(payload, bytesMax);
    if (compression === 'lz4') return inflateLz4(payload, bytesMax);
    const inflate = compression === 'zstd' ? zstdDecompressSync : gunzipSync;
    try {
      return inflate(payload, { maxOutputLength: bytesMax });
    } catch {
      return null; // corrupt, or larger than allowed
    }
  },
  deflate: (payload) => gzipSync(payload),
  inflatedBytesMax: BATCH_INFLATED_BYTES_MAX,
};
