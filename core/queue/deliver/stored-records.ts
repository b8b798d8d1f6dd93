/**
 * Stored records: the records of stored batches, with a placeholder for each record of a damaged batch. So a damaged queue
 * still starts and serves. A placeholder is never delivered: it dies with reason `damaged`. The first placeholder of a batch
 * carries the bytes that are left, so that somebody can try to save them.
 */

import { DAMAGED_HEADER } from '../../../protocol/headers/message-headers.ts';
import {
  isBatchFailure,
  isDamaged,
  readBatchHeader,
  recordsAt,
  surveyBatches,
  type DamagedBytes,
  type LogRecord,
  type StoredPiece,
} from '../../../protocol/record-batch/index.ts';

/** Bounds what a damaged row can claim to hold: no row has more messages. */
const ROW_RECORDS_MAX = 10_000;

/** Returns the records of a segment that was surveyed. */
export function recordsOfPieces(data: Uint8Array, pieces: readonly StoredPiece[]): LogRecord[] {
  const records: LogRecord[] = [];
  for (const piece of pieces) {
    if (isDamaged(piece)) {
      for (const record of standIns(data, piece, records.at(-1)?.timestamp ?? 0)) records.push(record);
      continue;
    }
    for (const record of recordsAt(data, piece.at, piece.header)) records.push(record);
  }
  return records;
}

/** Returns the records of a row whose offsets mean nothing: parked messages, or dead letters on their way. */
export function recordsOf(data: Uint8Array): LogRecord[] {
  const pieces = surveyBatches(data, 0, Number.MAX_SAFE_INTEGER).map((piece) =>
    isDamaged(piece) ? { ...piece, baseOffset: 0, nextOffset: countOf(data, piece) } : piece,
  );
  return recordsOfPieces(data, pieces);
}

function countOf(data: Uint8Array, { at }: DamagedBytes): number {
  const header = readBatchHeader(data, at);
  if (isBatchFailure(header) || header.lastOffsetDelta >= ROW_RECORDS_MAX) return 1;
  return header.lastOffsetDelta + 1;
}

function* standIns(
  data: Uint8Array,
  { at, end, baseOffset, nextOffset, problem }: DamagedBytes,
  timestamp: number,
): IterableIterator<LogRecord> {
  const headers = [{ key: DAMAGED_HEADER, value: new TextEncoder().encode(problem) }];
  const count = Math.min(nextOffset - baseOffset, ROW_RECORDS_MAX);
  for (let nth = 0; nth < count; nth++) {
    const value = nth === 0 ? data.subarray(at, end) : null;
    yield { offset: baseOffset + nth, timestamp, key: null, value, headers };
  }
}
