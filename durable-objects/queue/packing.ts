/** Records as batches and back. */

import { isPlain, readFacts } from '../../core/queue/facts.ts';
import {
  decodeRecords,
  encodeBatch,
  isBatchFailure,
  readBatchHeader,
  type LogRecord,
} from '../../protocol/record-batch/index.ts';
import type { LaneBatch } from './lane-writer.ts';

/** Dead letters in one row of the outbox. */
const OUTBOX_ROW_MESSAGES_MAX = 500;
const OUTBOX_ROW_BYTES_MAX = 512 * 1024;

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

/** The records as batches of bounded size. */
export function* packedWithin(records: readonly LogRecord[]): IterableIterator<LaneBatch> {
  for (let first = 0; first < records.length;) {
    let end = first;
    let bytes = 0;
    while (end < records.length && end - first < OUTBOX_ROW_MESSAGES_MAX && bytes < OUTBOX_ROW_BYTES_MAX) {
      bytes += (records[end]!.value?.length ?? 0) + 100;
      end += 1;
    }
    yield packed(records.slice(first, end));
    first = end;
  }
}
