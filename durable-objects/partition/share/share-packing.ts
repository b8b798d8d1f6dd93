/** Dead letters of share groups as batches, each of a size that fits a row, and back. */

import {
  decodeRecords,
  encodeBatch,
  isBatchFailure,
  readBatchHeader,
  recordSizeUpperBound,
  type LogRecord,
} from '../../../protocol/record-batch/index.ts';

/** Of one row; a record that is larger has a row of its own. */
const ROW_RECORDS_MAX = 500;
const ROW_BYTES_MAX = 512 * 1024;

/** Yields one batch after another, so that not all records are in memory. */
export function* packedWithin(
  records: Iterable<LogRecord>,
): IterableIterator<{ count: number; data: Uint8Array }> {
  let group: LogRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = recordSizeUpperBound(record);
    if (group.length > 0 && (group.length >= ROW_RECORDS_MAX || bytes + size > ROW_BYTES_MAX)) {
      yield { count: group.length, data: encodeBatch(group) };
      group = [];
      bytes = 0;
    }
    group.push(record);
    bytes += size;
  }
  if (group.length > 0) yield { count: group.length, data: encodeBatch(group) };
}

export function unpacked(data: Uint8Array): LogRecord[] {
  const header = readBatchHeader(data, 0);
  const records = isBatchFailure(header) ? header : decodeRecords(data, 0, header);
  if (isBatchFailure(records)) throw new Error(`a stored batch cannot be read: ${records.message}`);
  return records;
}
