/**
 * Turns the bytes of a batch into records, or shows just their keys. Neither checks the CRC, but both check every bound,
 * so that a batch never verified gives a failure and not an exception or someone else's bytes.
 */

import type { RecordCursor } from './primitives/cursor.ts';
import { openBatch, type OpenBatch } from './open-batch.ts';
import type {
  BatchFailure,
  BatchHeader,
  InflateOptions,
  LogRecord,
  RecordHeader,
  RecordKey,
} from './types.ts';
import { readUtf8 } from './primitives/utf8.ts';
import { walkRecords } from './walk.ts';

/** @param size bytes of the whole record, as it lies in the uncompressed batch */
export type RecordVisitor = (record: LogRecord, size: number) => void | false;

/** A visitor that returns false ends the walk. */
export type KeyVisitor = (record: RecordKey) => void | false;

/**
 * The records of the batch at `at`, whose header is `header`, with absolute offsets and timestamps. Keys and values are
 * views into `bytes` (into the inflated bytes if compressed). The records of a control batch are markers: see
 * `decodeControlRecord`.
 */
export function decodeRecords(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  options: InflateOptions = {},
): LogRecord[] | BatchFailure {
  const batch = openBatch(bytes, at, header, options);
  return 'code' in batch ? batch : decodeOpen(batch);
}

export function decodeOpen(batch: OpenBatch): LogRecord[] | BatchFailure {
  const records: LogRecord[] = [];
  const failure = visitOpen(batch, 0, (record) => void records.push(record));
  return failure ?? records;
}

/**
 * Decodes the records of a batch from the offset `from` on, one at a time, until `visit` returns false: a batch of many
 * small records takes many times its size when all of them are decoded.
 */
export function visitOpen(batch: OpenBatch, from: number, visit: RecordVisitor): BatchFailure | null {
  return walkRecords(batch, (cursor, offset, timestamp) => {
    if (offset < from) return undefined;
    const record = {
      offset,
      timestamp,
      key: view(cursor.bytes, cursor.keyStart, cursor.keyLength),
      value: view(cursor.bytes, cursor.valueStart, cursor.valueLength),
      headers: readHeaders(cursor),
    };
    return visit(record, cursor.position - cursor.start);
  });
}

/**
 * Calls `visit` for each record of the batch at `at`, in order, without decoding values and headers. Returns a failure
 * if the walk met one, otherwise null.
 */
export function eachRecordKey(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  visit: KeyVisitor,
  options: InflateOptions = {},
): BatchFailure | null {
  const batch = openBatch(bytes, at, header, options);
  return 'code' in batch ? batch : eachKeyOpen(batch, visit);
}

export function eachKeyOpen(batch: OpenBatch, visit: KeyVisitor): BatchFailure | null {
  return walkRecords(batch, (cursor, offset, timestamp) => visit(keyOf(cursor, offset, timestamp)));
}

/** The current record of the cursor, as compaction sees it. */
export function keyOf(cursor: RecordCursor, offset: number, timestamp: number): RecordKey {
  return {
    offset,
    timestamp,
    key: view(cursor.bytes, cursor.keyStart, cursor.keyLength),
    isTombstone: cursor.valueLength === -1,
  };
}

/** A plain Uint8Array also if `bytes` is a Node Buffer, whose subarray would be one too. */
function view(bytes: Uint8Array, start: number, length: number): Uint8Array | null {
  return length === -1 ? null : new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
}

/** Reads the headers again; `next` has found them well-formed. */
export function readHeaders(cursor: RecordCursor): RecordHeader[] {
  const headers: RecordHeader[] = [];
  if (cursor.headerCount === 0) return headers;
  const recordEnd = cursor.position;
  cursor.position = cursor.headersStart;
  for (let left = cursor.headerCount; left > 0; left--) {
    const nameLength = cursor.varint();
    const nameStart = cursor.position;
    const nameEnd = nameStart + nameLength;
    cursor.position = nameEnd;
    const valueLength = cursor.varint();
    const valueStart = cursor.position;
    if (valueLength > 0) cursor.position += valueLength;
    headers.push({
      key: readUtf8(cursor.bytes, nameStart, nameEnd),
      value: view(cursor.bytes, valueStart, valueLength),
    });
  }
  cursor.position = recordEnd;
  return headers;
}
