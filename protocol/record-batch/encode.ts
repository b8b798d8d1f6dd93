/**
 * Encoding of a batch in two passes: the first sums the size, the second writes into one allocation of that size. The
 * grammar is in header.ts. The bytes are those that Kafka's `MemoryRecordsBuilder` makes of the same records: base
 * timestamp that of the first record, offset deltas 0, 1, 2, ...
 */

import {
  APPEND_TIME,
  BATCH_MAGIC,
  BATCH_OVERHEAD,
  CONTROL,
  FIELD,
  LENGTH_OVERHEAD,
  TRANSACTIONAL,
  sealBatch,
} from './header.ts';
import { writeInt16, writeInt32, writeInt64 } from './primitives/int.ts';
import type { RecordHeader, RecordInput, TimestampType } from './types.ts';
import { utf8Size, writeUtf8 } from './primitives/utf8.ts';
import { varintSize, varlongSize, writeVarint, writeVarlong } from './primitives/varint.ts';

export interface EncodeOptions {
  /** Default 0; the log sets it when it appends. */
  baseOffset?: number;
  /** Default -1: not known. */
  partitionLeaderEpoch?: number;
  /** Idempotent producer: its id, epoch and the sequence of the first record. Default -1, -1, -1: none. */
  producerId?: number;
  producerEpoch?: number;
  baseSequence?: number;
  /** Default false. Only with a producer id. */
  isTransactional?: boolean;
  /** Default false. The records are then transaction markers, see `encodeControlRecord`. */
  isControl?: boolean;
  /** The attributes of each record, a byte, which Kafka leaves unused. Default 0. */
  recordAttributes?: Uint8Array;
  /** Default `create`. With `append` every record has the largest of the timestamps given. */
  timestampType?: TimestampType;
}

const BATCH_BYTES_MAX = 0x7fff_ffff;

const NO_HEADERS: readonly RecordHeader[] = [];

/** Up to this many bytes a loop copies faster than a call of `set`. */
const COPY_BY_LOOP_MAX = 24;

/**
 * Encodes an uncompressed batch (`gzipBatch` compresses one).
 *
 * @throws RangeError for what no caller should ask: no records, a timestamp that is not an integer from -1 to 2^53 - 1,
 *   or more than 2 GiB
 */
export function encodeBatch(records: readonly RecordInput[], options: EncodeOptions = {}): Uint8Array {
  const first = records[0];
  if (first === undefined) throw new RangeError('a batch has at least one record');
  const baseTimestamp = first.timestamp;
  let maxTimestamp = -1;
  let size = BATCH_OVERHEAD;
  for (let delta = 0; delta < records.length; delta++) {
    const record = records[delta]!;
    const timestamp = record.timestamp;
    // The difference is safe too, but for one case: -1 together with 2^53 - 1.
    if (
      !Number.isSafeInteger(timestamp) ||
      timestamp < -1 ||
      !Number.isSafeInteger(timestamp - baseTimestamp)
    ) {
      throw new RangeError(`a timestamp is whole milliseconds, or -1 for none; got ${timestamp}`);
    }
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    const body = bodySize(record, delta, timestamp - baseTimestamp);
    size += varintSize(body) + body;
  }
  if (size > BATCH_BYTES_MAX) throw new RangeError(`a batch of ${size} bytes is beyond the format's 2 GiB`);

  const bytes = new Uint8Array(size);
  let at = BATCH_OVERHEAD;
  for (let delta = 0; delta < records.length; delta++) {
    const record = records[delta]!;
    at = writeRecord(
      bytes,
      at,
      record,
      delta,
      record.timestamp - baseTimestamp,
      options.recordAttributes?.[delta] ?? 0,
    );
  }
  writeHeader(bytes, options, { baseTimestamp, maxTimestamp, recordCount: records.length });
  return bytes;
}

/**
 * A size that the record will not exceed wherever in a batch it lands, in bytes: for a producer that collects records
 * until `BATCH_OVERHEAD` plus their bounds reach its limit. At most 18 bytes above the exact size.
 */
export function recordSizeUpperBound(record: Pick<RecordInput, 'key' | 'value' | 'headers'>): number {
  // Widest: length 5, timestamp delta 8 (2^53 in zigzag), offset delta 5.
  return 5 + (bodySize(record, 0, 0) - 2) + 8 + 5;
}

function bodySize(
  record: Pick<RecordInput, 'key' | 'value' | 'headers'>,
  offsetDelta: number,
  timestampDelta: number,
): number {
  let size = 1 + varlongSize(timestampDelta) + varintSize(offsetDelta);
  size += nullableSize(record.key) + nullableSize(record.value);
  const headers = record.headers ?? NO_HEADERS;
  if (headers.length === 0) return size + 1;
  size += varintSize(headers.length);
  for (const header of headers) {
    const nameSize = utf8Size(header.key);
    size += varintSize(nameSize) + nameSize + nullableSize(header.value);
  }
  return size;
}

function nullableSize(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length;
}

function writeRecord(
  bytes: Uint8Array,
  start: number,
  record: RecordInput,
  offsetDelta: number,
  timestampDelta: number,
  attributes: number,
): number {
  let at = writeVarint(bytes, start, bodySize(record, offsetDelta, timestampDelta));
  bytes[at++] = attributes;
  at = writeVarlong(bytes, at, timestampDelta);
  at = writeVarint(bytes, at, offsetDelta);
  at = writeNullable(bytes, at, record.key);
  at = writeNullable(bytes, at, record.value);
  const headers = record.headers ?? NO_HEADERS;
  at = writeVarint(bytes, at, headers.length);
  for (const header of headers) {
    at = writeVarint(bytes, at, utf8Size(header.key));
    at = writeUtf8(bytes, at, header.key);
    at = writeNullable(bytes, at, header.value);
  }
  return at;
}

function writeNullable(bytes: Uint8Array, start: number, content: Uint8Array | null): number {
  if (content === null) {
    bytes[start] = 1; // -1 in zigzag
    return start + 1;
  }
  const length = content.length;
  const at = writeVarint(bytes, start, length);
  if (length > COPY_BY_LOOP_MAX) bytes.set(content, at);
  else for (let i = 0; i < length; i++) bytes[at + i] = content[i]!;
  return at + length;
}

function writeHeader(
  bytes: Uint8Array,
  options: EncodeOptions,
  batch: { baseTimestamp: number; maxTimestamp: number; recordCount: number },
): void {
  const attributes =
    (options.timestampType === 'append' ? APPEND_TIME : 0) |
    (options.isTransactional === true ? TRANSACTIONAL : 0) |
    (options.isControl === true ? CONTROL : 0);
  writeInt64(bytes, FIELD.baseOffset, options.baseOffset ?? 0);
  writeInt32(bytes, FIELD.batchLength, bytes.length - LENGTH_OVERHEAD);
  writeInt32(bytes, FIELD.partitionLeaderEpoch, options.partitionLeaderEpoch ?? -1);
  bytes[FIELD.magic] = BATCH_MAGIC;
  writeInt16(bytes, FIELD.attributes, attributes);
  writeInt32(bytes, FIELD.lastOffsetDelta, batch.recordCount - 1);
  writeInt64(bytes, FIELD.baseTimestamp, batch.baseTimestamp);
  writeInt64(bytes, FIELD.maxTimestamp, batch.maxTimestamp);
  writeInt64(bytes, FIELD.producerId, options.producerId ?? -1);
  writeInt16(bytes, FIELD.producerEpoch, options.producerEpoch ?? -1);
  writeInt32(bytes, FIELD.baseSequence, options.baseSequence ?? -1);
  writeInt32(bytes, FIELD.recordCount, batch.recordCount);
  sealBatch(bytes, 0);
}
