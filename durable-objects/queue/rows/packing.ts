/** Packing of records into batches, and back. */

import { isPlain, readFacts } from '../../../core/queue/state/message-metadata.ts';
import {
  decodeRecords,
  encodeBatch,
  isBatchFailure,
  readBatchHeader,
  recordSizeUpperBound,
  type LogRecord,
} from '../../../protocol/record-batch/index.ts';
import type { AppendBatch } from '../../storage/segment-log.ts';

/** A batch on its way into a lane. */
export interface LaneBatch extends AppendBatch {
  isPlain: boolean;
}

/** Messages in one row of those that wait or leave; one message that is larger has a row of its own. */
const ROW_MESSAGES_MAX = 500;
const ROW_BYTES_MAX = 512 * 1024;

export function decoded(bytes: Uint8Array, at: number): LogRecord[] {
  const header = readBatchHeader(bytes, at);
  const records = isBatchFailure(header) ? header : decodeRecords(bytes, at, header);
  if (isBatchFailure(records))
    throw new Error(`the router let a batch through that is broken: ${records.message}`);
  return records;
}

/** The records as one batch. */
export function packed(records: readonly LogRecord[]): LaneBatch {
  const bytes = encodeBatch(records);
  const header = readBatchHeader(bytes, 0);
  if (isBatchFailure(header)) throw new Error(header.message);
  const { sizeInBytes, lastOffsetDelta, maxTimestamp } = header;
  const plain = records.every((record) => isPlain(readFacts(record)));
  return { bytes, at: 0, sizeInBytes, lastOffsetDelta, maxTimestamp, isPlain: plain };
}

/** The records as batches of bounded size, taken one after another: never all of them in memory. */
export function* packedWithin(records: Iterable<LogRecord>): IterableIterator<LaneBatch> {
  let group: LogRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = recordSizeUpperBound(record);
    if (group.length > 0 && (group.length >= ROW_MESSAGES_MAX || bytes + size > ROW_BYTES_MAX)) {
      yield packed(group);
      group = [];
      bytes = 0;
    }
    group.push(record);
    bytes += size;
  }
  if (group.length > 0) yield packed(group);
}
