/**
 * Open batch: a batch whose records can be read. They are in place if it is uncompressed, and in a buffer of their own if
 * they were inflated. Readers take an open batch, so that a batch is inflated once, however many times it is read. The
 * synchronous and the asynchronous readers differ in how they open one, and share everything else.
 */

import { BATCH_OVERHEAD, type LocatedBatch } from './header.ts';
import {
  type BatchFailure,
  type BatchHeader,
  INFLATED_BYTES_MAX,
  type InflateOptions,
  batchFailure,
} from './types.ts';

/** Records lie in `bytes[start, end)`. */
export interface OpenBatch extends LocatedBatch {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** Opens the batch at `at`; if it is compressed, by `options.inflate`. */
export function openBatch(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  options: InflateOptions = {},
): OpenBatch | BatchFailure {
  const start = at + BATCH_OVERHEAD;
  const end = at + header.sizeInBytes;
  if (header.compression === 'none') return { at, header, bytes, start, end };
  const { inflate } = options;
  if (inflate === undefined) return unsupported(header, at);
  const inflatedBytesMax = options.inflatedBytesMax ?? INFLATED_BYTES_MAX;
  const inflated = inflate(bytes.subarray(start, end), inflatedBytesMax, header.compression);
  if (inflated === null || inflated.length > inflatedBytesMax)
    return notInflated(header, at, inflatedBytesMax);
  return { at, header, bytes: inflated, start: 0, end: inflated.length };
}

function unsupported(header: BatchHeader, at: number): BatchFailure {
  return batchFailure('unsupported_compression', `batch at ${at} is compressed with ${header.compression}`);
}

export function notInflated(
  { compression }: BatchHeader,
  at: number,
  inflatedBytesMax: number,
): BatchFailure {
  return batchFailure(
    'invalid_batch',
    `batch at ${at} is not one ${compression} stream of at most ${inflatedBytesMax} bytes inflated`,
  );
}
