/** Batches and logs for tests. */

import type { AppendBatch, ReadResult, SegmentLog } from '../../durable-objects/storage/segment-log.ts';
import {
  encodeBatch,
  orThrow,
  readBatchHeader,
  recordsAt,
  type Inflate,
  type LogRecord,
} from '../../protocol/record-batch/index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface TestRecord {
  key?: string | null;
  /** null is a tombstone. */
  value?: string | null;
  timestamp?: number;
}

export const bytesOf = (text: string): Uint8Array => encoder.encode(text);
export const textOf = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : decoder.decode(bytes);

export function batchOf(records: readonly TestRecord[]): Uint8Array {
  return encodeBatch(
    records.map(({ key = null, value = '', timestamp = 1_000 }) => ({
      key: key === null ? null : bytesOf(key),
      value: value === null ? null : bytesOf(value),
      timestamp,
    })),
  );
}

/** `count` records of `bytes` bytes each. */
export function filler(count: number, bytes: number, timestamp = 1_000): Uint8Array {
  return batchOf(Array.from({ length: count }, () => ({ value: 'x'.repeat(bytes), timestamp })));
}

export function toAppend(bytes: Uint8Array): AppendBatch {
  const { sizeInBytes, lastOffsetDelta, maxTimestamp } = orThrow(readBatchHeader(bytes, 0));
  return { bytes, at: 0, sizeInBytes, lastOffsetDelta, maxTimestamp };
}

/** Appends each list of records as a batch of one commit; gives the base offsets. */
export function append(log: SegmentLog, ...batches: (readonly TestRecord[] | Uint8Array)[]): number[] {
  return log.append(batches.map((batch) => toAppend(batch instanceof Uint8Array ? batch : batchOf(batch))));
}

export function recordsOf(chunks: readonly Uint8Array[], inflate?: Inflate): LogRecord[] {
  return chunks.flatMap((chunk) => {
    const records: LogRecord[] = [];
    for (let at = 0; at < chunk.length;) {
      const header = orThrow(readBatchHeader(chunk, at));
      records.push(...recordsAt(chunk, at, header, inflate ? { inflate } : {}));
      at += header.sizeInBytes;
    }
    return records;
  });
}

/** The whole log from an offset on, read in steps of `bytesMax`. */
export function readAll(log: SegmentLog, from: number, bytesMax = 64 * 1024, inflate?: Inflate): LogRecord[] {
  const records: LogRecord[] = [];
  for (let offset = from; offset < log.offsets.highWatermark;) {
    const result = log.read(offset, bytesMax, Number.MAX_SAFE_INTEGER) as ReadResult;
    records.push(...recordsOf(result.chunks, inflate).filter((record) => record.offset >= offset));
    if (result.nextOffset <= offset) throw new Error(`the read at ${offset} does not go on`);
    offset = result.nextOffset;
  }
  return records;
}
