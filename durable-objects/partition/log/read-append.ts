/** Read append: splits an append of the router into batches, with the header fields that decide about them. */

import { isBatchFailure, splitBatches, stampAppendTime } from '../../../protocol/record-batch/index.ts';
import type { ProducedBatch } from './produced-log.ts';

/** @param appendTime what the topic stamps all records with; null if they keep their own times */
export function readAppend(bytes: Uint8Array, appendTime: number | null): ProducedBatch[] {
  const batches = splitBatches(bytes);
  if (isBatchFailure(batches))
    throw new Error(`the router let a batch through that is broken: ${batches.message}`);
  return batches.map(({ at, header }) => {
    if (appendTime !== null) stampAppendTime(bytes, at, appendTime);
    const { sizeInBytes, lastOffsetDelta, producerId, producerEpoch, baseSequence, isTransactional } = header;
    const maxTimestamp = appendTime ?? header.maxTimestamp;
    const producer = { producerId, producerEpoch, baseSequence, isTransactional };
    return { bytes, at, sizeInBytes, lastOffsetDelta, maxTimestamp, ...producer };
  });
}
