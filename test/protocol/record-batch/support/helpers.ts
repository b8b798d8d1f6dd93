/** Shared by the record-batch tests: unwrapping results, a synchronous gzip, and a second opinion on what is right. */

import { gunzipSync, gzipSync } from 'node:zlib';
import {
  type BatchFailure,
  type BatchHeader,
  type EncodeOptions,
  type Inflate,
  type LogRecord,
  type RecordInput,
  crc32c,
  decodeRecords,
  isBatchFailure,
  openSoundBatch,
  readBatchHeader,
  verifyOpen,
} from '../../../../protocol/record-batch/index.ts';

const encoder = new TextEncoder();
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

export const inflate: Inflate = (payload, bytesMax) => {
  try {
    return plain(gunzipSync(payload, { maxOutputLength: Math.max(1, bytesMax) }));
  } catch {
    return null;
  }
};

export const deflate = (payload: Uint8Array): Uint8Array => plain(gzipSync(payload));

/** A plain Uint8Array of the same bytes, for comparisons that tell a Buffer from one. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

export function ok<T>(result: T | BatchFailure): T {
  if (isBatchFailure(result)) throw new Error(`${result.code}: ${result.message}`);
  return result as T;
}

export function codeOf(result: unknown): string {
  return isBatchFailure(result) ? result.code : 'ok';
}

export function headerOf(bytes: Uint8Array, at = 0): BatchHeader {
  return ok(readBatchHeader(bytes, at));
}

export function decode(bytes: Uint8Array, at = 0): LogRecord[] {
  return ok(decodeRecords(bytes, at, headerOf(bytes, at), { inflate }));
}

/** Verifies a batch that may be gzip, by streams. Returns its header. */
export async function verifyAsync(
  bytes: Uint8Array,
  at = 0,
  inflatedBytesMax?: number,
): Promise<BatchHeader | BatchFailure> {
  const batch = await openSoundBatch(bytes, at, inflatedBytesMax === undefined ? {} : { inflatedBytesMax });
  return isBatchFailure(batch) ? batch : (verifyOpen(batch) ?? batch.header);
}

/** The records of a batch as bytes, inflated. */
export async function inflated(bytes: Uint8Array, at = 0): Promise<Uint8Array> {
  const batch = ok(await openSoundBatch(bytes, at));
  return batch.bytes.subarray(batch.start, batch.end);
}

/** What decoding a batch of `records` should give. */
export function expected(records: readonly RecordInput[], options: EncodeOptions = {}): LogRecord[] {
  const largest = records.reduce((max, record) => Math.max(max, record.timestamp), -1);
  return records.map((record, delta) => ({
    offset: (options.baseOffset ?? 0) + delta,
    timestamp: options.timestampType === 'append' ? largest : record.timestamp,
    key: record.key,
    value: record.value,
    headers: (record.headers ?? []).map(({ key, value }) => ({ key: key.toWellFormed(), value })),
  }));
}

/** Writes the right CRC over a batch that was tampered with, as a hostile producer would. */
export function fixCrc(bytes: Uint8Array, at = 0, end = bytes.length): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at + 17, crc32c(bytes, at + 21, end));
}

export function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return plain(Buffer.concat(parts));
}

/** A batch made by hand, record bodies given as bytes: for the shapes that `encodeBatch` refuses to make. */
export function rawBatch(
  bodies: readonly (readonly number[])[],
  fields: {
    lastOffsetDelta?: number;
    recordCount?: number;
    baseTimestamp?: bigint;
    maxTimestamp?: bigint;
  } = {},
  trailing: readonly number[] = [],
): Uint8Array {
  const records = bodies.flatMap((body) => [body.length * 2, ...body]);
  const batch = new Uint8Array(61 + records.length + trailing.length);
  batch.set([...records, ...trailing], 61);
  const view = dataView(batch);
  view.setInt32(8, batch.length - 12);
  view.setInt32(12, -1);
  view.setInt8(16, 2);
  view.setInt32(23, fields.lastOffsetDelta ?? bodies.length - 1);
  view.setBigInt64(27, fields.baseTimestamp ?? 1000n);
  view.setBigInt64(35, fields.maxTimestamp ?? 1000n);
  view.setBigInt64(43, -1n);
  view.setInt16(51, -1);
  view.setInt32(53, -1);
  view.setInt32(57, fields.recordCount ?? bodies.length);
  fixCrc(batch);
  return batch;
}
