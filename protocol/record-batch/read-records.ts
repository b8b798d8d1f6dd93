/**
 * Reading of record batches that the broker stored or checked before. If one cannot be read, that is a bug, so these
 * functions throw. `decodeRecords` reads the batches of a client, and returns a failure.
 */

import { decodeRecords } from './decode.ts';
import { readBatchHeader, splitBatches } from './header.ts';
import { isBatchFailure, type BatchFailure, type InflateOptions, type LogRecord } from './types.ts';

/** Returns the records of all batches in `bytes`. */
export function recordsIn(bytes: Uint8Array): LogRecord[] {
  return orThrow(splitBatches(bytes)).flatMap(({ at, header }) => recordsAt(bytes, at, header));
}

/** Returns the records of the batch at `at`. */
export function recordsAt(
  bytes: Uint8Array,
  at: number,
  header = orThrow(readBatchHeader(bytes, at)),
  options: InflateOptions = {},
): LogRecord[] {
  return orThrow(decodeRecords(bytes, at, header, options));
}

/** Returns the result, or throws if it is a failure. */
export function orThrow<Result>(result: Result): Exclude<Result, BatchFailure> {
  if (isBatchFailure(result)) throw new Error(`a record batch cannot be read: ${result.message}`);
  return result as Exclude<Result, BatchFailure>;
}
