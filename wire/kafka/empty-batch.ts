/**
 * Empty batch: a record batch without records. It tells a client to read on after it. The broker keeps from clients what they would
 * skip: markers of transactions, records that were aborted, records that compaction has removed. A client that waits until its position
 * is the end of the log would wait for ever otherwise. Kafka's clients know such batches from compacted topics.
 */

import {
  BATCH_MAGIC,
  BATCH_OVERHEAD,
  FIELD,
  LENGTH_OVERHEAD,
  sealBatch,
} from '../../protocol/record-batch/header.ts';
import { writeInt16, writeInt32, writeInt64 } from '../../protocol/record-batch/primitives/int.ts';

/** @returns a batch for the offsets `[start, end)`, of which there is at least one */
export function emptyBatch(start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(BATCH_OVERHEAD);
  writeInt64(bytes, FIELD.baseOffset, start);
  writeInt32(bytes, FIELD.batchLength, BATCH_OVERHEAD - LENGTH_OVERHEAD);
  writeInt32(bytes, FIELD.partitionLeaderEpoch, -1);
  bytes[FIELD.magic] = BATCH_MAGIC;
  writeInt32(bytes, FIELD.lastOffsetDelta, end - start - 1);
  writeInt64(bytes, FIELD.baseTimestamp, -1);
  writeInt64(bytes, FIELD.maxTimestamp, -1);
  writeInt64(bytes, FIELD.producerId, -1);
  writeInt16(bytes, FIELD.producerEpoch, -1);
  writeInt32(bytes, FIELD.baseSequence, -1);
  sealBatch(bytes, 0);
  return bytes;
}
