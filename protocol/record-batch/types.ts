/**
 * Types of the codec. Decoded bytes are views into the batch, never copies. Whoever keeps a record longer than its batch
 * copies what it needs.
 */

export interface RecordHeader {
  /** Not unique: a record may carry a name several times, and the order is kept. */
  key: string;
  value: Uint8Array | null;
}

/** A record to be encoded. Its offset follows from its index in the batch. */
export interface RecordInput {
  /** null: no key. An empty key is a key. */
  key: Uint8Array | null;
  /** null: a tombstone, which compaction takes as "this key is deleted". */
  value: Uint8Array | null;
  headers?: readonly RecordHeader[];
  /** Milliseconds since 1970; -1 is Kafka's "none". */
  timestamp: number;
}

/** A record as decoded, with its absolute offset and timestamp. */
export interface LogRecord {
  offset: number;
  /** Milliseconds since 1970 or -1; in a batch with append time, the batch's time for every record. */
  timestamp: number;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: RecordHeader[];
}

/** A record without its value and headers, for compaction and indexes. */
export interface RecordKey {
  offset: number;
  /** As in `LogRecord`. */
  timestamp: number;
  key: Uint8Array | null;
  /** The value is null. */
  isTombstone: boolean;
}

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** Whether timestamps are the producer's (`create`) or the log's (`append`). */
export type TimestampType = 'create' | 'append';

/** The header of a batch, decoded. The grammar and the meaning of each field are in header.ts. */
export interface BatchHeader {
  baseOffset: number;
  /** The whole batch: 12 + the batchLength field, so that the next batch begins at `at + sizeInBytes`. */
  sizeInBytes: number;
  partitionLeaderEpoch: number;
  magic: number;
  /** Unsigned, as stored; `verifyBatch` compares it. */
  crc: number;
  attributes: number;
  compression: Compression;
  timestampType: TimestampType;
  isTransactional: boolean;
  isControl: boolean;
  lastOffsetDelta: number;
  baseTimestamp: number;
  maxTimestamp: number;
  /** -1: not from an idempotent producer. */
  producerId: number;
  producerEpoch: number;
  baseSequence: number;
  recordCount: number;
}

/**
 * - `truncated_batch`: the bytes end before the batch does
 * - `unsupported_magic`: a format older or newer than v2
 * - `corrupt_batch`: the CRC does not match
 * - `unsupported_compression`: a codec that is unknown, or for which no way to inflate was given
 * - `invalid_batch`: the CRC may match, but the content breaks the format
 */
export type BatchFailureCode =
  | 'truncated_batch'
  | 'unsupported_magic'
  | 'corrupt_batch'
  | 'unsupported_compression'
  | 'invalid_batch';

/** A failure that a sender of bad bytes can cause. It is a value, never thrown. */
export interface BatchFailure {
  code: BatchFailureCode;
  /** For people: says where and what. */
  message: string;
}

/** Tells a failure from any other result of the codec (a header, bytes, records, null, a word). */
export function isBatchFailure(result: unknown): result is BatchFailure {
  return typeof result === 'object' && result !== null && 'code' in result && 'message' in result;
}

export function batchFailure(code: BatchFailureCode, message: string): BatchFailure {
  return { code, message };
}

/** Inflates the records of a batch. Returns null if they are corrupt, more than `bytesMax` bytes, or of another codec. */
export type Inflate = (payload: Uint8Array, bytesMax: number, compression: Compression) => Uint8Array | null;

/** Compresses to one gzip stream. */
export type Deflate = (payload: Uint8Array) => Uint8Array;

export interface InflateOptions {
  /**
   * How to inflate, for example by `node:zlib` with `maxOutputLength`, and by `inflateSnappy` and `inflateLz4`. Without it a
   * compressed batch is unsupported.
   */
  inflate?: Inflate;
  /** Most bytes that the records of one batch may inflate to. Default 16 MiB. */
  inflatedBytesMax?: number;
}

/** 16 MiB: sixteen segments. That is far above any honest batch, and far below the 128 MB of an object. */
export const INFLATED_BYTES_MAX = 16 * 1024 * 1024;
