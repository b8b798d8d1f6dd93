/**
 * The inflate budget of a request: how far the compressed batches of its body may inflate in all. They are inflated one after
 * another, only to be checked or stored, and the request is refused before the first batch that would pass the budget is
 * read to its end. Without it a body of 16 MiB could keep the router busy for minutes.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { BATCH_INFLATED_BYTES_MAX, RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import {
  isBatchFailure,
  largestRecord,
  openBatch,
  openSoundBatch,
  verifyBatch,
  verifyOpen,
  type LocatedBatch,
  type OpenBatch,
} from '../../protocol/record-batch/index.ts';
import { inflate } from './inflate.ts';

export class InflateBudget {
  readonly #bytesMax: number;
  #left: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#left = bytesMax;
  }

  /** Verifies a batch in full and returns it open, for all that is read of it. */
  async verified(bytes: Uint8Array, { at, header }: LocatedBatch): Promise<OpenBatch | Failure> {
    if (header.compression === 'none') {
      const verified = verifyBatch(bytes, at);
      return isBatchFailure(verified) ? verified : openBatch(bytes, at, header);
    }
    const allowed = Math.min(BATCH_INFLATED_BYTES_MAX, this.#left);
    const batch = await openSoundBatch(bytes, at, { inflate, inflatedBytesMax: allowed });
    if (isBatchFailure(batch)) {
      const isOverBudget = batch.code === 'invalid_batch' && allowed < BATCH_INFLATED_BYTES_MAX;
      return isOverBudget ? this.#exceeded() : batch;
    }
    this.#left -= batch.end - batch.start;
    return verifyOpen(batch) ?? tooLargeRecord(batch) ?? batch;
  }

  #exceeded(): Failure {
    return failure(
      'request_too_large',
      `the compressed batches of a request may inflate to ${this.#bytesMax} bytes in all; send several requests`,
      { inflated_bytes_max: this.#bytesMax },
    );
  }
}

/** A record that was compressed has the same limit as any other. */
function tooLargeRecord(batch: OpenBatch): Failure | null {
  if (batch.end - batch.start <= RECORD_BYTES_MAX) return null;
  const largest = largestRecord(batch);
  if (isBatchFailure(largest)) return largest;
  if (largest <= RECORD_BYTES_MAX) return null;
  return failure(
    'record_too_large',
    `a record has ${largest} bytes; at most ${RECORD_BYTES_MAX} are allowed, also in a compressed batch`,
    { bytes_max: RECORD_BYTES_MAX },
  );
}
