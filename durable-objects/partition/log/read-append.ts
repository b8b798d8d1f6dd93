/** Read append: splits an append of the router into batches, with the header fields that decide about them. */

import { isBatchFailure, splitBatches, stampAppendTime } from '../../../protocol/record-batch/index.ts';
import type { ProducedBatch } from './produced-log.ts';

/**
 * A batch whose records have no timestamps ages from its arrival.
 * @param stampsAppends the topic stamps all records with the time of their append
 */
export function readAppend(bytes: Uint8Array, stampsAppends: boolean, nowMs: number): ProducedBatch[] {
  const batches = splitBatches(bytes);
  if (isBatchFailure(batches))
    throw new Error(`the router let a batch through that is broken: ${batches.message}`);
  return batches.map(({ at, header }) => {
    if (stampsAppends) stampAppendTime(bytes, at, nowMs);
    const { sizeInBytes, lastOffsetDelta, producerId, producerEpoch, baseSequence, isTransactional } = header;
    const maxTimestamp = stampsAppends || header.maxTimestamp < 0 ? nowMs : header.maxTimestamp;
    const producer = { producerId, producerEpoch, baseSequence, isTransactional };
    return { bytes, at, sizeInBytes, lastOffsetDelta, maxTimestamp, ...producer };
  });
}
