/**
 * The walk over the records of one batch that every reader takes: verification, decoding, key visits, compaction. It
 * holds each record to the header, on top of the grammar that the cursor holds it to, so that a batch never verified
 * gives a failure, not an exception nor a record that could not be stored again.
 */

import { RECORD_BYTES_MIN, RecordCursor } from './primitives/cursor.ts';
import type { OpenBatch } from './open-batch.ts';
import { type BatchFailure, batchFailure } from './types.ts';

/**
 * Calls `each` at every record, with the cursor at it and its absolute offset and timestamp; false ends the walk.
 * Null when all is well or the walk was ended.
 */
export function walkRecords(
  { at, header, bytes, start, end }: OpenBatch,
  each: (cursor: RecordCursor, offset: number, timestamp: number) => void | false,
): BatchFailure | null {
  const { recordCount, baseOffset, lastOffsetDelta, baseTimestamp } = header;
  const available = end - start;
  if (recordCount > available / RECORD_BYTES_MIN) {
    return invalidBatch(at, `${recordCount} records in ${available} bytes`);
  }
  const isAppendTime = header.timestampType === 'append';
  const cursor = new RecordCursor(bytes, start, end);
  for (let index = 0; index < recordCount; index++) {
    const problem = cursor.next();
    if (problem !== null) return invalidBatch(at, `${problem} in record ${index}`);
    const { offsetDelta, timestampDelta } = cursor;
    if (offsetDelta < 0 || offsetDelta > lastOffsetDelta) {
      return invalidBatch(at, `offset delta ${offsetDelta} in record ${index}`);
    }
    const created = baseTimestamp + timestampDelta;
    // A delta beyond the safe integers was rounded, and may add up to something that looks right.
    if (created < -1 || !Number.isSafeInteger(created) || !Number.isSafeInteger(timestampDelta)) {
      return invalidBatch(at, `a timestamp out of range in record ${index}`);
    }
    const timestamp = isAppendTime ? header.maxTimestamp : created;
    if (each(cursor, baseOffset + offsetDelta, timestamp) === false) return null;
  }
  if (cursor.position !== end) {
    return invalidBatch(at, `${end - cursor.position} bytes after its last record`);
  }
  return null;
}

export function invalidBatch(at: number, problem: string): BatchFailure {
  return batchFailure('invalid_batch', `batch at ${at} has ${problem}`);
}
