/**
 * The inflate budget of a request: how far the compressed batches of its body may inflate in all. They are inflated one after
 * another, only to be checked or stored, and the request is refused before the first batch that would pass the budget is
 * read to its end. Without it a body of 16 MiB could keep the router busy for minutes.
 */

import { failure, type Failure } from '../../errors.ts';
import { BATCH_INFLATED_BYTES_MAX, RECORD_BYTES_MAX } from '../../limits.ts';
import type { LocatedBatch } from '../header.ts';
import { openBatch, type OpenBatch } from '../open-batch.ts';
import { isBatchFailure, type Inflate } from '../types.ts';
import { largestRecord, verifyBatch, verifyOpen } from '../verify.ts';
import { openSoundBatch } from './gzip.ts';

export class InflateBudget {
  readonly #inflate: Inflate;
  readonly #bytesMax: number;
  #left: number;

  /** @param inflate for codecs that web streams do not know */
  constructor(inflate: Inflate, bytesMax: number) {
    this.#inflate = inflate;
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
    const batch = await openSoundBatch(bytes, at, { inflate: this.#inflate, inflatedBytesMax: allowed });
    if (isBatchFailure(batch)) {
      const isOverBudget = batch.code === 'invalid_batch' && allowed < BATCH_INFLATED_BYTES_MAX;
      return isOverBudget ? this.#exceeded() : batch;
    }
    this.#left -= batch.end - batch.start;
    return verifyOpen(batch) ?? tooLargeRecord(batch) ?? batch;
  }

  /** Verifies the batches that checks ask for, one after another. Returns the result of the checks. */
  async opening<Result>(
    bytes: Uint8Array,
    checks: Generator<LocatedBatch, Result, OpenBatch | Failure>,
  ): Promise<Result> {
    let step = checks.next(null as never);
    while (step.done !== true) step = checks.next(await this.verified(bytes, step.value));
    return step.value;
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
