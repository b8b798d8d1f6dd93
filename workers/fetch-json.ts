/** A fetch as JSON: the records of the stored batches that were asked for, and where to go on. */

import type { ReadIsolation } from '../core/log/aborted.ts';
import type { FetchFrame } from '../core/log/fetch-frame.ts';
import { failure, type Failure } from '../protocol/errors.ts';
import { headersOut } from '../protocol/header-fields.ts';
import { textOfBytes, valueOfBytes } from '../protocol/json-bytes.ts';
import { BATCH_INFLATED_BYTES_MAX } from '../protocol/limits.ts';
import {
  decodeRecordsAsync,
  isBatchFailure,
  splitBatches,
  type LogRecord,
} from '../protocol/record-batch/index.ts';
import type { FetchReply, WrittenRecord } from '../protocol/records.ts';

export async function jsonFetchReply(
  frame: FetchFrame,
  recordsMax: number,
  isolation: ReadIsolation,
): Promise<Omit<FetchReply<WrittenRecord>, 'topic_id'> | Failure> {
  const batches = splitBatches(frame.batches);
  if (isBatchFailure(batches)) return damaged(batches.message);
  const records: WrittenRecord[] = [];
  let nextOffset = frame.nextOffset;
  fill: for (const { at, header } of batches) {
    if (header.isControl) continue;
    const decoded = await decodeRecordsAsync(frame.batches, at, header, BATCH_INFLATED_BYTES_MAX);
    if (isBatchFailure(decoded)) return damaged(decoded.message);
    for (const record of decoded) {
      if (record.offset < frame.startOffset) continue; // a batch is stored whole, the first may begin earlier
      if (records.length >= recordsMax) {
        nextOffset = record.offset;
        break fill;
      }
      records.push(fetchedRecord(record));
    }
  }
  return {
    records,
    next_offset: nextOffset,
    high_watermark: frame.highWatermark,
    log_start_offset: frame.logStartOffset,
    ...(isolation === 'read_committed' && { last_stable_offset: frame.lastStableOffset }),
  };
}

export function fetchedRecord(record: LogRecord): WrittenRecord {
  const fetched: WrittenRecord = {
    offset: record.offset,
    timestamp: record.timestamp,
    key: record.key === null ? null : textOfBytes(record.key),
    value: valueOfBytes(record.value),
  };
  const headers = headersOut(record.headers);
  if (headers) fetched.headers = headers;
  return fetched;
}

function damaged(message: string): Failure {
  console.error(`stored batches cannot be read: ${message}`);
  return failure('internal_error', 'stored batches cannot be read; fetch them as bytes to see them');
}
