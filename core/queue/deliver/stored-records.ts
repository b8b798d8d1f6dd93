/**
 * The records of stored batches, with one that stands for each record of a damaged batch, so that a queue with damage
 * starts and serves: such a message is never delivered but dies with reason `damaged`. The first one of the batch carries
 * the bytes that are left, for whoever wants to save something of them.
 */

import { DAMAGED_HEADER } from '../../../protocol/message-headers.ts';
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

/** Of a damaged row that does not say how many messages it had: no row of messages has more. */
const ROW_RECORDS_MAX = 10_000;

/** The records of a segment, by its survey. */
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

/** The records of a row of batches whose offsets mean nothing: parked messages, dead letters on their way. */
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
