/**
 * Payload of a batch: its records are in place when it is uncompressed, and in a buffer of their own when they were
 * inflated. The synchronous and the asynchronous readers meet here: both find the payload, then share everything else.
 */

import { BATCH_OVERHEAD } from './header.ts';
import {
  type BatchFailure,
  type BatchHeader,
  INFLATED_BYTES_MAX,
  type InflateOptions,
  batchFailure,
} from './types.ts';

/** Records lie in `bytes[start, end)`. */
export interface Payload {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** Finds the records of the batch at `at`; with gzip, by `options.inflate`. */
export function openPayload(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  options: InflateOptions,
): Payload | BatchFailure {
  const start = at + BATCH_OVERHEAD;
  const end = at + header.sizeInBytes;
  if (header.compression === 'none') return { bytes, start, end };
  if (header.compression !== 'gzip' || options.inflate === undefined) return unsupported(header, at);
  const inflatedBytesMax = options.inflatedBytesMax ?? INFLATED_BYTES_MAX;
  const inflated = options.inflate(bytes.subarray(start, end), inflatedBytesMax);
  if (inflated === null || inflated.length > inflatedBytesMax) return notInflated(at, inflatedBytesMax);
  return { bytes: inflated, start: 0, end: inflated.length };
}

export function unsupported(header: BatchHeader, at: number): BatchFailure {
  return batchFailure('unsupported_compression', `batch at ${at} is compressed with ${header.compression}`);
}

export function notInflated(at: number, inflatedBytesMax: number): BatchFailure {
  return batchFailure(
    'invalid_batch',
    `batch at ${at} is not one gzip stream of at most ${inflatedBytesMax} bytes inflated`,
  );
}
