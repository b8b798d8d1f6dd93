/** Written record: a record of a topic as replies and requests show it in JSON. */

import { headersOut } from '../json/header-fields.ts';
import { textOfBytes, valueOfBytes } from '../json/json-bytes.ts';
import type { LogRecord } from '../record-batch/index.ts';
import type { WrittenRecord } from './records.ts';

export function writtenRecord(record: LogRecord): WrittenRecord {
  const written: WrittenRecord = {
    offset: record.offset,
    timestamp: record.timestamp,
    key: record.key === null ? null : textOfBytes(record.key),
    value: valueOfBytes(record.value),
  };
  const headers = headersOut(record.headers);
  if (headers) written.headers = headers;
  return written;
}
