/**
 * Kafka's record batch, format v2 (magic 2), in use since Kafka 0.11: the Kafka documentation's "Record Batch" and
 * "Record", KIP-98. All fixed-width integers are big-endian.
 *
 *   at  size  field
 *    0     8  baseOffset            int64   offset of the first record *written* to the batch. The log sets it when it
 *                                           appends, and stays the same when compaction removes that record.
 *    8     4  batchLength           int32   bytes after this field, so the whole batch is 12 + batchLength.
 *   12     4  partitionLeaderEpoch  int32   set by the log, -1 until then. It and the fields above lie before the CRC
 *                                           and outside it, so that a log can assign offsets without reading the rest.
 *   16     1  magic                 int8    = 2. At the same offset in every older format, which is why the CRC comes
 *                                           after it: a reader must know the format before it can check anything.
 *   17     4  crc                   uint32  CRC-32C of everything from attributes to the end, as stored (compressed).
 *   21     2  attributes            int16   bits 0-2 compression: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd
 *                                           bit 3 timestamp type: 0 create time, 1 log append time
 *                                           bit 4 transactional
 *                                           bit 5 control: holds a transaction marker (control.ts)
 *                                           bit 6 baseTimestamp is the delete horizon (KIP-534); deltas count from it
 *                                                 all the same, so reading records need not care
 *                                           bits 7-15 unused
 *   23     4  lastOffsetDelta       int32   last offset = baseOffset + lastOffsetDelta, whatever compaction removed:
 *                                           the offset after a batch, and the sequence after it, never change.
 *   27     8  baseTimestamp         int64   what timestamp deltas count from: the first record's when written.
 *   35     8  maxTimestamp          int64   largest timestamp of the records; with append time, the append time,
 *                                           which then holds for every record and lets a log stamp a batch in place.
 *   43     8  producerId            int64   -1: not an idempotent producer.
 *   51     2  producerEpoch         int16   -1 likewise.
 *   53     4  baseSequence          int32   sequence of the first record; -1 without producer id and in markers.
 *   57     4  records count         int32   records present (fewer than lastOffsetDelta + 1 after compaction).
 *   61        records                       one after another; as one stream if compressed
 *
 *   record = length          varint   bytes after this field
 *            attributes      int8     unused by Kafka; of a publish through an exchange: core/log/exchange-batch.ts
 *            timestampDelta  varlong  from baseTimestamp; may be negative
 *            offsetDelta     varint   from baseOffset
 *            keyLength       varint   -1: null
 *            key             bytes
 *            valueLength     varint   -1: null
 *            value           bytes
 *            headersCount    varint
 *            headers         each: keyLength varint (never null), key utf-8, valueLength varint (-1: null), value bytes
 */

import { crc32c } from './primitives/crc32c.ts';
import {
  readInt16,
  readInt32,
  readInt64,
  readUint32,
  writeInt16,
  writeInt32,
  writeInt64,
} from './primitives/int.ts';
import { type BatchFailure, type BatchHeader, type Compression, batchFailure } from './types.ts';

/** Bytes of a batch before its records. */
export const BATCH_OVERHEAD = 61;

/** Bytes of the fields that batchLength does not count: baseOffset and itself. */
export const LENGTH_OVERHEAD = 12;

export const BATCH_MAGIC = 2;

/** Where each field begins. */
export const FIELD = {
  baseOffset: 0,
  batchLength: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;

export const COMPRESSION_MASK = 0x07;
export const GZIP = 1;
export const APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;

const COMPRESSIONS: readonly (Compression | undefined)[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/**
 * Reads the header of the batch at `at`. Checks the structure only: enough bytes for the whole batch, the magic, a sane
 * length, int64 fields that fit a number. Whether the content is what was sent is `verifyBatch`'s to say.
 */
export function readBatchHeader(bytes: Uint8Array, at: number): BatchHeader | BatchFailure {
  const available = bytes.length - at;
  if (available <= FIELD.magic) {
    return batchFailure('truncated_batch', `${available} bytes at ${at} are too few for a batch header`);
  }
  const magic = (bytes[at + FIELD.magic]! << 24) >> 24;
  if (magic !== BATCH_MAGIC) {
    return batchFailure('unsupported_magic', `batch at ${at} has magic ${magic}, only 2 is supported`);
  }
  const batchLength = readInt32(bytes, at + FIELD.batchLength);
  if (batchLength < BATCH_OVERHEAD - LENGTH_OVERHEAD) {
    return batchFailure(
      'invalid_batch',
      `batch at ${at} has length ${batchLength}, less than its own header`,
    );
  }
  const sizeInBytes = LENGTH_OVERHEAD + batchLength;
  if (available < sizeInBytes) {
    return batchFailure(
      'truncated_batch',
      `batch at ${at} takes ${sizeInBytes} bytes, only ${available} are there`,
    );
  }
  const attributes = readInt16(bytes, at + FIELD.attributes);
  const compression = COMPRESSIONS[attributes & COMPRESSION_MASK];
  if (compression === undefined) {
    return batchFailure(
      'unsupported_compression',
      `batch at ${at} has compression type ${attributes & COMPRESSION_MASK}`,
    );
  }
  const header: BatchHeader = {
    baseOffset: readInt64(bytes, at + FIELD.baseOffset),
    sizeInBytes,
    partitionLeaderEpoch: readInt32(bytes, at + FIELD.partitionLeaderEpoch),
    magic,
    crc: readUint32(bytes, at + FIELD.crc),
    attributes,
    compression,
    timestampType: (attributes & APPEND_TIME) !== 0 ? 'append' : 'create',
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
    lastOffsetDelta: readInt32(bytes, at + FIELD.lastOffsetDelta),
    baseTimestamp: readInt64(bytes, at + FIELD.baseTimestamp),
    maxTimestamp: readInt64(bytes, at + FIELD.maxTimestamp),
    producerId: readInt64(bytes, at + FIELD.producerId),
    producerEpoch: readInt16(bytes, at + FIELD.producerEpoch),
    baseSequence: readInt32(bytes, at + FIELD.baseSequence),
    recordCount: readInt32(bytes, at + FIELD.recordCount),
  };
  const problem = findProblem(header);
  return problem === null ? header : batchFailure('invalid_batch', `batch at ${at} has ${problem}`);
}

function findProblem(header: BatchHeader): string | null {
  if (header.lastOffsetDelta < 0) return `last offset delta ${header.lastOffsetDelta}`;
  if (header.recordCount < 0) return `record count ${header.recordCount}`;
  if (header.baseOffset < 0 || !Number.isSafeInteger(header.baseOffset + header.lastOffsetDelta)) {
    return 'offsets outside 0 to 2^53 - 1';
  }
  if (!Number.isSafeInteger(header.baseTimestamp) || !Number.isSafeInteger(header.maxTimestamp)) {
    return 'a timestamp outside the safe integers';
  }
  if (!Number.isSafeInteger(header.producerId)) return 'a producer id outside the safe integers';
  return null;
}

/** Where a batch lies in a run of batches, and its header. */
export interface LocatedBatch {
  at: number;
  header: BatchHeader;
}

/**
 * The batches of `bytes`, which holds whole batches one after another: a segment, a produce request, a fetch reply.
 * None for no bytes; the first failure if any batch fails `readBatchHeader`.
 */
export function splitBatches(bytes: Uint8Array): LocatedBatch[] | BatchFailure {
  const batches: LocatedBatch[] = [];
  for (let at = 0; at < bytes.length;) {
    const header = readBatchHeader(bytes, at);
    if ('code' in header) return header;
    batches.push({ at, header });
    at += header.sizeInBytes;
  }
  return batches;
}

/** The CRC that the batch at `at` should carry. `sizeInBytes` is the whole batch's. */
export function computeCrc(bytes: Uint8Array, at: number, sizeInBytes: number): number {
  return crc32c(bytes, at + FIELD.attributes, at + sizeInBytes);
}

/** Recomputes and writes the CRC of the batch at `at`, whose length field is right. */
export function sealBatch(bytes: Uint8Array, at: number): void {
  const sizeInBytes = LENGTH_OVERHEAD + readInt32(bytes, at + FIELD.batchLength);
  writeInt32(bytes, at + FIELD.crc, computeCrc(bytes, at, sizeInBytes));
}

/**
 * Sets the offset of the batch in the log. The CRC does not cover it and stays.
 *
 * The setters below expect a batch that was verified, and change it in place.
 */
export function setBaseOffset(bytes: Uint8Array, at: number, offset: number): void {
  writeInt64(bytes, at + FIELD.baseOffset, offset);
}

/**
 * Makes `ms` the timestamp of every record, as Kafka's `message.timestamp.type=LogAppendTime` does: the records keep
 * their deltas, and the batch says that they do not count. Works on compressed batches. Recomputes the CRC.
 */
export function stampAppendTime(bytes: Uint8Array, at: number, ms: number): void {
  const attributes = readInt16(bytes, at + FIELD.attributes);
  writeInt16(bytes, at + FIELD.attributes, attributes | APPEND_TIME);
  writeInt64(bytes, at + FIELD.maxTimestamp, ms);
  sealBatch(bytes, at);
}

/** Makes the batch an idempotent producer's; `sequence` is that of its first record. Recomputes the CRC. */
export function setProducer(
  bytes: Uint8Array,
  at: number,
  producer: { id: number; epoch: number; sequence: number },
): void {
  writeInt64(bytes, at + FIELD.producerId, producer.id);
  writeInt16(bytes, at + FIELD.producerEpoch, producer.epoch);
  writeInt32(bytes, at + FIELD.baseSequence, producer.sequence);
  sealBatch(bytes, at);
}
