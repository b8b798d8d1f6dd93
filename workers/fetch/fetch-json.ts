/** Fetch JSON: the requested records of stored batches as JSON, and the next offset. */

import { INFLATING } from '../bounds/inflate.ts';
import type { ReadIsolation } from '../../core/log/aborted.ts';
import type { FetchFrame } from '../../core/log/fetch-frame.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { writeJson } from '../../protocol/json/json-text.ts';
import {
  isBatchFailure,
  isDamaged,
  surveyBatches,
  visitRecordsAsync,
  type LogRecord,
} from '../../protocol/record-batch/index.ts';
import { writtenRecord } from '../../protocol/schemas/written-record.ts';
import type { FetchReply, OnCorrupt, WrittenRecord } from '../../protocol/schemas/records.ts';

/** What a reply may hold. It has at least one record if there is one to be read. */
export interface ReplyLimits {
  recordsMax: number;
  /** Of the records as JSON, about: the reply ends before the record that would pass it. */
  bytesMax: number;
}

export interface DamagedRange {
  offset: number;
  next_offset: number;
}

export interface FetchedRecords {
  records: WrittenRecord[];
  nextOffset: number;
  /** What they take as JSON, about. */
  bytes: number;
  /** What was skipped because it is damaged. */
  damaged: DamagedRange[];
}

export interface JsonFetch extends ReplyLimits {
  isolation: ReadIsolation;
  onCorrupt: OnCorrupt;
  /** Told of each damaged range that was met. */
  report(range: DamagedRange): void;
}

export async function jsonFetchReply(
  frame: FetchFrame,
  fetch: JsonFetch,
): Promise<Omit<FetchReply<WrittenRecord>, 'topic_id'> | Failure> {
  const fetched = await fetchedRecords(frame, fetch);
  if (isFailure(fetched)) return fetched;
  return {
    records: fetched.records,
    next_offset: fetched.nextOffset,
    high_watermark: frame.highWatermark,
    log_start_offset: frame.logStartOffset,
    ...(fetch.isolation === 'read_committed' && { last_stable_offset: frame.lastStableOffset }),
    ...(fetched.damaged.length > 0 && { damaged: fetched.damaged }),
  };
}

/**
 * Decodes as much of a frame as a reply may hold, batch by batch and record by record: nothing is inflated or decoded
 * after the reply is full, so that the work is bounded by the limits and one batch, whatever the frame inflates to.
 */
export async function fetchedRecords(frame: FetchFrame, fetch: JsonFetch): Promise<FetchedRecords | Failure> {
  const { batches, startOffset } = frame;
  const records: WrittenRecord[] = [];
  const skipped: DamagedRange[] = [];
  let bytes = 0;
  const ended = (nextOffset: number): FetchedRecords => ({ records, nextOffset, bytes, damaged: skipped });
  for (const piece of surveyBatches(batches, startOffset, frame.nextOffset)) {
    if (isDamaged(piece)) {
      const range = { offset: piece.baseOffset, next_offset: piece.nextOffset };
      fetch.report(range);
      if (fetch.onCorrupt === 'skip') skipped.push(range);
      else return records.length > 0 ? ended(piece.baseOffset) : corrupt(range);
      continue;
    }
    const { at, header } = piece;
    if (header.isControl || header.recordCount === 0) continue;
    // Not opened if the reply is full: to inflate it costs the most.
    if (records.length >= fetch.recordsMax || bytes >= fetch.bytesMax) {
      return ended(Math.max(header.baseOffset, startOffset));
    }
    let stoppedAt: number | null = null;
    const failed = await visitRecordsAsync(
      batches,
      at,
      header,
      startOffset, // a batch is stored whole, the first may begin earlier
      (record) => {
        const one = writtenRecord(record);
        const size = jsonSize(one, record);
        const isFull = records.length >= fetch.recordsMax || bytes + size > fetch.bytesMax;
        if (isFull && records.length > 0) {
          stoppedAt = record.offset;
          return false;
        }
        records.push(one);
        bytes += size;
        return undefined;
      },
      INFLATING,
    );
    if (isBatchFailure(failed)) return damagedInside(failed.message);
    if (stoppedAt !== null) return ended(stoppedAt);
  }
  return ended(frame.nextOffset);
}

/** `{"offset":1234567,"timestamp":1700000000000,"key":null,"value":},` */
const FIELDS_SIZE = 64;

/** About what a record takes as JSON: exact but for text that needs more escapes in a value than it was sent with. */
export function jsonSize({ key, value, headers }: WrittenRecord, record: LogRecord): number {
  let size = FIELDS_SIZE + (key === null ? 0 : JSON.stringify(key).length);
  const valueBytes = record.value?.length ?? 0;
  const isBytes = typeof value === 'object' && value !== null && Object.hasOwn(value, '$base64');
  size += isBytes ? Math.ceil(valueBytes / 3) * 4 + 14 : valueBytes;
  if (headers !== undefined) size += writeJson(headers).length + 11;
  return size;
}

function corrupt(range: DamagedRange): Failure {
  return failure(
    'stored_batch_corrupt',
    `the records from ${range.offset} to before ${range.next_offset} are damaged on disk: their CRC does not match; read on from ${range.next_offset} or with on_corrupt=skip, and fetch the bytes to save what is left of them`,
    { ...range },
  );
}

/** A batch whose CRC matches was checked when it was stored. */
function damagedInside(message: string): Failure {
  console.error(`stored batches cannot be read: ${message}`);
  return failure('internal_error', 'stored batches cannot be read; fetch them as bytes to see them');
}
