/** Codecs that web streams do not know, for batches that the router reads: those of Kafka's clients. */

import { zstdDecompressSync } from 'node:zlib';
import { BATCH_INFLATED_BYTES_MAX } from '../../protocol/limits.ts';
import {
  inflateLz4,
  inflateSnappy,
  type Inflate,
  type InflateOptions,
} from '../../protocol/record-batch/index.ts';

export const inflate: Inflate = (payload, bytesMax, compression) => {
  if (compression === 'snappy') return inflateSnappy(payload, bytesMax);
  if (compression === 'lz4') return inflateLz4(payload, bytesMax);
  try {
    return zstdDecompressSync(payload, { maxOutputLength: Math.max(1, bytesMax) });
  } catch {
    return null; // corrupt, or larger than allowed
  }
};

/** For one stored batch. */
export const INFLATING: InflateOptions = { inflate, inflatedBytesMax: BATCH_INFLATED_BYTES_MAX };
