/**
 * The inflate budget of a request: how far the gzip batches of its body may inflate in all. They are inflated one after
 * another, only to be checked or stored, and the request is refused before the first batch that would pass the budget is
 * read to its end. Without it a body of 16 MiB could keep the router busy for minutes.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { BATCH_INFLATED_BYTES_MAX, RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import {
  gunzipBatch,
  isBatchFailure,
  readBatchHeader,
  verifyBatch,
  visitRecords,
  type LocatedBatch,
} from '../../protocol/record-batch/index.ts';

/** An uncompressed batch that was verified in full. */
export interface PlainBatch extends LocatedBatch {
  bytes: Uint8Array;
}

export class InflateBudget {
  readonly #bytesMax: number;
  #left: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#left = bytesMax;
  }

  /** Verifies a batch and returns it uncompressed: itself, or its inflated form. */
  async verified(bytes: Uint8Array, { at, header }: LocatedBatch): Promise<PlainBatch | Failure> {
    if (header.compression === 'none') {
      const verified = verifyBatch(bytes, at);
      return isBatchFailure(verified) ? verified : { bytes, at, header };
    }
    const allowed = Math.min(BATCH_INFLATED_BYTES_MAX, this.#left);
    const plain = await gunzipBatch(bytes, at, allowed);
    if (isBatchFailure(plain)) {
      const isOverBudget = plain.code === 'invalid_batch' && allowed < BATCH_INFLATED_BYTES_MAX;
      return isOverBudget ? this.#exceeded() : plain;
    }
    this.#left -= plain.length;
    const verified = verifyBatch(plain, 0);
    if (isBatchFailure(verified)) return verified;
    const plainHeader = readBatchHeader(plain, 0);
    if (isBatchFailure(plainHeader)) return plainHeader;
    return tooLargeRecord(plain, plainHeader) ?? { bytes: plain, at: 0, header: plainHeader };
  }

  #exceeded(): Failure {
    return failure(
      'request_too_large',
      `the gzip batches of a request may inflate to ${this.#bytesMax} bytes in all; send several requests`,
      { inflated_bytes_max: this.#bytesMax },
    );
  }
}

/** A record that was compressed has the same limit as any other. */
function tooLargeRecord(bytes: Uint8Array, header: PlainBatch['header']): Failure | null {
  if (bytes.length <= RECORD_BYTES_MAX) return null;
  let largest = 0;
  const failed = visitRecords(bytes, 0, header, 0, (_, size) => {
    largest = Math.max(largest, size);
  });
  if (failed) return failed;
  if (largest <= RECORD_BYTES_MAX) return null;
  return failure(
    'record_too_large',
    `a record has ${largest} bytes; at most ${RECORD_BYTES_MAX} are allowed, also in a gzip batch`,
    { bytes_max: RECORD_BYTES_MAX },
  );
}
