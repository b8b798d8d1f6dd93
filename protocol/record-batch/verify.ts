/**
 * Verification of a batch before a log appends it: the CRC proves that the bytes are those that were sent, and the
 * format checks let every later reader trust them. The rules are those of Kafka's `LogValidator` and `DefaultRecord`;
 * if Kafka mends a batch (a wrong maxTimestamp) this refuses it, because the bytes are stored untouched.
 */

import { computeCrc, readBatchHeader } from './header.ts';
import { openBatch, type OpenBatch } from './open-batch.ts';
import { type BatchFailure, type BatchHeader, type InflateOptions, batchFailure } from './types.ts';
import type { RecordCursor } from './primitives/cursor.ts';
import { isUtf8 } from './primitives/utf8.ts';
import { invalidBatch, walkRecords } from './walk.ts';

export interface VerifyOptions extends InflateOptions {
  /**
   * Default false: a produced batch, with records at offset deltas 0, 1, 2, ... and at least one. True: a batch from
   * a log, which compaction may have thinned; deltas grow and do not pass lastOffsetDelta, and there may be none.
   */
  allowGaps?: boolean;
}

/**
 * Verifies the batch at `at` in full and returns its header. Nothing is allocated per record; bytes after the batch are
 * the next batch's and not looked at.
 *
 * Checked in this order, the first failure is given: structure (`readBatchHeader`), CRC, producer fields, then each
 * record: lengths agree, offset deltas, timestamps from -1 to 2^53 - 1, names of headers in UTF-8 (in a produced batch: one
 * stored before this was asked stays readable); then that the records fill the batch, their
 * count, and maxTimestamp being the largest (with create time; with append time it is the log's own).
 */
export function verifyBatch(
  bytes: Uint8Array,
  at: number,
  options: VerifyOptions = {},
): BatchHeader | BatchFailure {
  const header = readSoundHeader(bytes, at);
  if ('code' in header) return header;
  const batch = openBatch(bytes, at, header, options);
  if ('code' in batch) return batch;
  return verifyOpen(batch, options.allowGaps) ?? header;
}

/** The header, if the CRC matches and the header's own fields agree with each other. */
export function readSoundHeader(bytes: Uint8Array, at: number): BatchHeader | BatchFailure {
  const header = readBatchHeader(bytes, at);
  if ('code' in header) return header;
  const crc = computeCrc(bytes, at, header.sizeInBytes);
  if (crc !== header.crc) {
    return batchFailure('corrupt_batch', `batch at ${at} has CRC ${header.crc}, its content gives ${crc}`);
  }
  const problem = findProblem(header);
  return problem === null ? header : invalidBatch(at, problem);
}

function findProblem(header: BatchHeader): string | null {
  if (header.producerId < -1) return `producer id ${header.producerId}`;
  if (header.producerId >= 0) {
    if (header.producerEpoch < 0) return 'a producer id and no epoch';
    // A marker ends a transaction and is not part of its sequence.
    if (header.baseSequence < 0 && !header.isControl) return 'a producer id and no sequence';
  } else if (header.isTransactional) {
    return 'a transaction and no producer id';
  }
  return null;
}

/** Checks every record against the header, whose batch has the right CRC. Returns null if all is well. */
export function verifyOpen(batch: OpenBatch, allowGaps = false): BatchFailure | null {
  const { at, header } = batch;
  const { recordCount, lastOffsetDelta, baseOffset } = header;
  if (!allowGaps && (recordCount === 0 || lastOffsetDelta !== recordCount - 1)) {
    return invalidBatch(at, `${recordCount} records and last offset delta ${lastOffsetDelta}`);
  }
  let nextOffset = baseOffset;
  let maxTimestamp = -1;
  let misplaced = -1;
  let misnamed = -1;
  const failure = walkRecords(batch, (cursor, offset, timestamp) => {
    if (allowGaps ? offset < nextOffset : offset !== nextOffset) {
      misplaced = offset;
      return false;
    }
    if (!allowGaps && cursor.headerCount > 0 && !hasUtf8Names(cursor)) {
      misnamed = offset;
      return false;
    }
    nextOffset = offset + 1;
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    return undefined;
  });
  if (failure !== null) return failure;
  if (misnamed !== -1) {
    return invalidBatch(at, `the name of a header that is not UTF-8 in record ${misnamed - baseOffset}`);
  }
  if (misplaced !== -1) {
    return invalidBatch(
      at,
      `offset delta ${misplaced - baseOffset} where ${nextOffset - baseOffset} was due`,
    );
  }
  // With append time every record's timestamp is maxTimestamp, so this asks no more than that it is -1 or above.
  if (recordCount > 0 && header.maxTimestamp !== maxTimestamp) {
    return invalidBatch(at, `maxTimestamp ${header.maxTimestamp}, its records' largest is ${maxTimestamp}`);
  }
  return null;
}

/** Returns the size of the largest record, as it lies in the uncompressed batch. */
export function largestRecord(batch: OpenBatch): number | BatchFailure {
  let largest = 0;
  const failure = walkRecords(batch, (cursor) => {
    largest = Math.max(largest, cursor.position - cursor.start);
  });
  return failure ?? largest;
}

/** Names are text wherever a record is taken apart and made again: one that is not UTF-8 would come out as another. */
function hasUtf8Names(cursor: RecordCursor): boolean {
  const recordEnd = cursor.position;
  cursor.position = cursor.headersStart;
  let isSound = true;
  for (let left = cursor.headerCount; left > 0 && isSound; left--) {
    const length = cursor.varint();
    isSound = isUtf8(cursor.bytes, cursor.position, cursor.position + length);
    cursor.position += length;
    const valueLength = cursor.varint();
    if (valueLength > 0) cursor.position += valueLength;
  }
  cursor.position = recordEnd;
  return isSound;
}
