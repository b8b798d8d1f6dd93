/**
 * End-of-transaction markers: the record of a control batch, which the log writes when a transaction ends and which
 * consumers do not see (KIP-98; Kafka documentation, "Control Batches").
 *
 *   key    version int16 = 0, type int16: 0 abort, 1 commit
 *   value  version int16 = 0, coordinatorEpoch int32
 *
 * Later versions may add fields at the end, so longer keys and values are read too. Other types (leader changes, KRaft
 * snapshots) are not markers.
 */

import { encodeBatch } from './encode.ts';
import { readInt16, readInt32, writeInt16, writeInt32 } from './primitives/int.ts';
import type { LogRecord, RecordInput } from './types.ts';

export interface EndTransactionMarker {
  type: 'abort' | 'commit';
  /** Grows with each change of the coordinator, and fences markers of an earlier one. */
  coordinatorEpoch: number;
}

const ABORT = 0;
const COMMIT = 1;

export function encodeControlRecord(marker: EndTransactionMarker, timestamp: number): RecordInput {
  const key = new Uint8Array(4);
  writeInt16(key, 2, marker.type === 'commit' ? COMMIT : ABORT);
  const value = new Uint8Array(6);
  writeInt32(value, 2, marker.coordinatorEpoch);
  return { key, value, timestamp };
}

/** Returns the marker in a record of a control batch; null if the record is none. */
export function decodeControlRecord(record: Pick<LogRecord, 'key' | 'value'>): EndTransactionMarker | null {
  const { key, value } = record;
  if (key === null || key.length < 4 || value === null || value.length < 6) return null;
  if (readInt16(key, 0) < 0 || readInt16(value, 0) < 0) return null;
  const type = readInt16(key, 2);
  if (type !== ABORT && type !== COMMIT) return null;
  return { type: type === COMMIT ? 'commit' : 'abort', coordinatorEpoch: readInt32(value, 2) };
}

/**
 * Returns the control batch that ends a producer's transaction. It has one record and one offset, as Kafka's
 * `MemoryRecords.withEndTransactionMarker` makes it.
 */
export function encodeEndTransactionBatch(
  marker: EndTransactionMarker,
  options: { producerId: number; producerEpoch: number; timestamp: number; baseOffset?: number },
): Uint8Array {
  const { timestamp, ...fields } = options;
  return encodeBatch([encodeControlRecord(marker, timestamp)], {
    ...fields,
    isTransactional: true,
    isControl: true,
  });
}
