/**
 * The description of a batch that the Java program gives (RecordBatchInterop.java), made by our codec, so that the two can
 * be compared as they are; and the check of a batch that Java wrote. Used by the live run and by the golden vectors.
 */

import { isDeepStrictEqual } from 'node:util';
import {
  type EncodeOptions,
  type RecordInput,
  decodeControlRecord,
  decodeRecords,
  encodeBatch,
  encodeEndTransactionBatch,
  eachRecordKey,
  splitBatches,
  stampAppendTime,
  verifyBatch,
} from '../../protocol/record-batch/index.ts';
import { inflate, ok } from '../protocol/record-batch/support/helpers.ts';

type Base64 = string | null;

export interface Description {
  baseOffset: number;
  lastOffset: number;
  sizeInBytes: number;
  crc: number;
  partitionLeaderEpoch: number;
  compression: string;
  timestampType: 'create' | 'append';
  isTransactional: boolean;
  isControl: boolean;
  maxTimestamp: number;
  producerId: number;
  producerEpoch: number;
  baseSequence: number;
  recordCount: number;
  records: { offset: number; timestamp: number; key: Base64; value: Base64; headers: [string, Base64][] }[];
}

interface Written {
  bytes: string;
  described: Description;
}

/** A batch that Java wrote: its bytes, what Java reads in them, and what it was made of. */
export type BatchVector = Written &
  (
    | { kind: 'batch'; gaps: boolean; created: number[] }
    | { kind: 'marker'; type: 'abort' | 'commit'; coordinatorEpoch: number }
  );

/** Describes every batch of `bytes`. Throws on any failure: the caller holds the batches to be right. */
export function describeAll(bytes: Uint8Array): Description[] {
  return ok(splitBatches(bytes)).map(({ at, header }) => ({
    baseOffset: header.baseOffset,
    lastOffset: header.baseOffset + header.lastOffsetDelta,
    sizeInBytes: header.sizeInBytes,
    crc: header.crc,
    partitionLeaderEpoch: header.partitionLeaderEpoch,
    compression: header.compression,
    timestampType: header.timestampType,
    isTransactional: header.isTransactional,
    isControl: header.isControl,
    maxTimestamp: header.maxTimestamp,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    recordCount: header.recordCount,
    records: ok(decodeRecords(bytes, at, header, { inflate })).map((record) => ({
      offset: record.offset,
      timestamp: record.timestamp,
      key: base64(record.key),
      value: base64(record.value),
      headers: record.headers.map(({ key, value }): [string, Base64] => [key, base64(value)]),
    })),
  }));
}

/** What is wrong with our reading of a vector, or with our writing of the same; nothing when all is well. */
export function checkBatchVector(vector: BatchVector): string[] {
  const problems: string[] = [];
  const bytes = new Uint8Array(Buffer.from(vector.bytes, 'base64'));
  const allowGaps = vector.kind === 'batch' && vector.gaps;
  const verified = verifyBatch(bytes, 0, { inflate, allowGaps });
  if ('code' in verified) return [`${verified.code}: ${verified.message}`];

  const described = describeAll(bytes);
  if (!isDeepStrictEqual(described, [vector.described])) {
    problems.push(`we read ${JSON.stringify(described)}, Java ${JSON.stringify(vector.described)}`);
  }
  const visited: number[] = [];
  eachRecordKey(bytes, 0, verified, ({ offset }) => void visited.push(offset), { inflate });
  if (
    !isDeepStrictEqual(
      visited,
      vector.described.records.map(({ offset }) => offset),
    )
  ) {
    problems.push(`visited offsets ${visited.join()}`);
  }
  if (vector.kind === 'marker') {
    const marker = decodeControlRecord(ok(decodeRecords(bytes, 0, verified))[0]!);
    const { type, coordinatorEpoch } = vector;
    if (!isDeepStrictEqual(marker, { type, coordinatorEpoch }))
      problems.push(`marker ${JSON.stringify(marker)}`);
  }
  const again = encodeAgain(vector);
  if (again !== null && !Buffer.from(again).equals(bytes)) {
    problems.push(`we write ${Buffer.from(again).toString('base64')}, Java ${vector.bytes}`);
  }
  return problems;
}

/** Our bytes for the same content; null if the bytes are not determined (gzip) or not ours to write (gaps). */
function encodeAgain(vector: BatchVector): Uint8Array | null {
  const { described } = vector;
  if (vector.kind === 'marker') {
    const { producerId, producerEpoch, maxTimestamp: timestamp, baseOffset } = described;
    return encodeEndTransactionBatch(vector, { producerId, producerEpoch, timestamp, baseOffset });
  }
  if (vector.gaps || described.compression !== 'none') return null;
  const records: RecordInput[] = described.records.map((record, i) => ({
    timestamp: vector.created[i]!,
    key: unbase64(record.key),
    value: unbase64(record.value),
    headers: record.headers.map(([key, value]) => ({ key, value: unbase64(value) })),
  }));
  const options: EncodeOptions = { ...described, timestampType: 'create' };
  const bytes = encodeBatch(records, options);
  if (described.timestampType === 'append') stampAppendTime(bytes, 0, described.maxTimestamp);
  return bytes;
}

function base64(bytes: Uint8Array | null): Base64 {
  return bytes && Buffer.from(bytes).toString('base64');
}

function unbase64(text: Base64): Uint8Array | null {
  return text === null ? null : new Uint8Array(Buffer.from(text, 'base64'));
}
