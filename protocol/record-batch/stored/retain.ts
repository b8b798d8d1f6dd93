/**
 * Compaction of one batch: drops records and keeps the batch's offsets in the log. As Kafka's log cleaner does
 * (`MemoryRecords.filterTo`), it keeps base offset, last offset, producer fields and timestamp type, so that the offsets and
 * sequences after the batch stay right. Kafka encodes the survivors anew. This code copies their bytes, so the base
 * timestamp that their deltas count from stays too.
 */

import type { RecordCursor } from '../primitives/cursor.ts';
import { keyOf } from '../decode.ts';
import {
  BATCH_OVERHEAD,
  COMPRESSION_MASK,
  FIELD,
  GZIP,
  LENGTH_OVERHEAD,
  readBatchHeader,
  sealBatch,
} from '../header.ts';
import { writeInt16, writeInt32, writeInt64 } from '../primitives/int.ts';
import { openBatch, type OpenBatch } from '../open-batch.ts';
import type { BatchFailure, Deflate, Inflate, RecordKey } from '../types.ts';
import { walkRecords } from '../walk.ts';

export interface RetainCodec {
  inflate: Inflate;
  deflate: Deflate;
  /** As in `InflateOptions`. */
  inflatedBytesMax?: number;
}

/** The survivors, as runs of neighbours: `from` and `to` in turn. Most batches keep or lose long runs. */
type Runs = number[];

/**
 * Keeps the records of the batch at `at` for which `keep` returns true. It calls `keep` once for each record, in order.
 *
 * @param codec needed for compressed batches, which come out as gzip
 * @returns a new batch; `'unchanged'` if every record stays; null if none does; a failure if the batch cannot be read. The
 *   input stays unchanged.
 */
export function retainRecords(
  bytes: Uint8Array,
  at: number,
  keep: (record: RecordKey) => boolean,
  codec?: RetainCodec,
): Uint8Array | null | 'unchanged' | BatchFailure {
  const header = readBatchHeader(bytes, at);
  if ('code' in header) return header;
  const batch = openBatch(bytes, at, header, codec);
  if ('code' in batch) return batch;

  const runs: Runs = [];
  let survivors = 0;
  let maxTimestamp = -1;
  const failure = walkRecords(batch, (cursor, offset, timestamp) => {
    if (!keep(keyOf(cursor, offset, timestamp))) return;
    survivors++;
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    addRun(runs, cursor);
  });
  if (failure !== null) return failure;
  if (survivors === 0) return null;
  if (survivors === header.recordCount) return 'unchanged';

  let records = gather(batch, runs);
  if (header.compression !== 'none') records = codec!.deflate(records);
  const kept = new Uint8Array(BATCH_OVERHEAD + records.length);
  kept.set(bytes.subarray(at, at + BATCH_OVERHEAD));
  kept.set(records, BATCH_OVERHEAD);
  writeInt32(kept, FIELD.batchLength, kept.length - LENGTH_OVERHEAD);
  if (header.compression !== 'none')
    writeInt16(kept, FIELD.attributes, (header.attributes & ~COMPRESSION_MASK) | GZIP);
  writeInt32(kept, FIELD.recordCount, survivors);
  // With append time every record's timestamp is the batch's, so this writes back what was there.
  writeInt64(kept, FIELD.maxTimestamp, maxTimestamp);
  sealBatch(kept, 0);
  return kept;
}

function addRun(runs: Runs, cursor: RecordCursor): void {
  if (runs.length > 0 && runs[runs.length - 1] === cursor.start) runs[runs.length - 1] = cursor.position;
  else runs.push(cursor.start, cursor.position);
}

function gather({ bytes }: OpenBatch, runs: Runs): Uint8Array {
  let size = 0;
  for (let i = 0; i < runs.length; i += 2) size += runs[i + 1]! - runs[i]!;
  const records = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < runs.length; i += 2) {
    records.set(bytes.subarray(runs[i]!, runs[i + 1]!), at);
    at += runs[i + 1]! - runs[i]!;
  }
  return records;
}
