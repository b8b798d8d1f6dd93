/**
 * Skip batch: a marker of a transaction that tells a client to read on after it. The broker keeps from clients what they would skip:
 * markers of transactions, records that were aborted, records that compaction has removed. A client that waits until its position is
 * the end of the log would wait for ever otherwise. An empty batch would move the position too, but clients of librdkafka commit only
 * offsets of records and markers. It is a marker of a commit, which ends nothing in a client.
 */

import { FIELD } from '../../protocol/record-batch/header.ts';
import { encodeEndTransactionBatch } from '../../protocol/record-batch/index.ts';
import { writeInt32 } from '../../protocol/record-batch/primitives/int.ts';

const MARKER = { type: 'commit', coordinatorEpoch: 0 } as const;

/** @param nextOffset where to read on, at least 1 */
export function skipBatch(nextOffset: number): Uint8Array {
  const baseOffset = nextOffset - 1;
  const nobody = { producerId: 0, producerEpoch: 0, timestamp: -1, baseOffset };
  const bytes = encodeEndTransactionBatch(MARKER, nobody);
  writeInt32(bytes, FIELD.partitionLeaderEpoch, 0); // not part of what the checksum is of
  return bytes;
}
