/** zstd by the runtime's zlib, for batches that are read by the router. Web streams do not know it. */

import { zstdDecompressSync } from 'node:zlib';
import { BATCH_INFLATED_BYTES_MAX } from '../../protocol/limits.ts';
import type { Inflate, InflateOptions } from '../../protocol/record-batch/index.ts';

export const inflateZstd: Inflate = (payload, bytesMax, compression) => {
  if (compression !== 'zstd') return null;
  try {
    return zstdDecompressSync(payload, { maxOutputLength: Math.max(1, bytesMax) });
  } catch {
    return null; // corrupt, or larger than allowed
  }
};

/** For one stored batch. */
export const INFLATING: InflateOptions = {
  inflate: inflateZstd,
  inflatedBytesMax: BATCH_INFLATED_BYTES_MAX,
};
