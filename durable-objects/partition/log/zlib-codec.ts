/** gzip and zstd for the codec, by the runtime's zlib: synchronous, and bounded against batches that inflate without end. */

import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { BATCH_INFLATED_BYTES_MAX } from '../../../protocol/limits.ts';
import type { RetainCodec } from '../../../protocol/record-batch/index.ts';

export const zlibCodec: RetainCodec = {
  inflate: (payload, bytesMax, compression) => {
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
