/**
 * Gzip by the web standard's CompressionStream and DecompressionStream, which browsers, workerd, Node, Deno and Bun all
 * have, and which are asynchronous. Each function here is the asynchronous form of a synchronous one that takes an
 * `Inflate`; the work after inflating is the same code.
 */

import { concatenate } from '../../bytes.ts';
import { decodeOpen, visitOpen, type RecordVisitor } from '../decode.ts';
import { BATCH_OVERHEAD, FIELD, GZIP, LENGTH_OVERHEAD, readBatchHeader, sealBatch } from '../header.ts';
import { writeInt16, writeInt32 } from '../primitives/int.ts';
import { notInflated, openBatch, type OpenBatch } from '../open-batch.ts';
import {
  type BatchFailure,
  type BatchHeader,
  INFLATED_BYTES_MAX,
  type InflateOptions,
  type LogRecord,
} from '../types.ts';
import { readSoundHeader } from '../verify.ts';

/**
 * Compresses an uncompressed batch, as `encodeBatch` gives it; all else stays. The result may be larger when the
 * records are few or random: the caller picks.
 *
 * @throws RangeError when `batch` is not one whole uncompressed batch
 */
export async function gzipBatch(batch: Uint8Array): Promise<Uint8Array> {
  const header = readBatchHeader(batch, 0);
  if ('code' in header || header.sizeInBytes !== batch.length || header.compression !== 'none') {
    throw new RangeError('gzipBatch takes one whole uncompressed batch');
  }
  const records = await pump(batch.subarray(BATCH_OVERHEAD), new CompressionStream('gzip'), Infinity);
  const zipped = concatenate([batch.subarray(0, BATCH_OVERHEAD), records!]);
  writeInt32(zipped, FIELD.batchLength, zipped.length - LENGTH_OVERHEAD);
  writeInt16(zipped, FIELD.attributes, header.attributes | GZIP);
  sealBatch(zipped, 0);
  return zipped;
}

/**
 * Opens the batch at `at`, which may be compressed, after checking its CRC.
 *
 * @param options most bytes that the records may inflate to. Reading stops as soon as they exceed it, so that a decompression bomb
 *   costs no more than that. `inflate` is asked for codecs that this module does not know
 */
export async function openSoundBatch(
  bytes: Uint8Array,
  at: number,
  options: InflateOptions = {},
): Promise<OpenBatch | BatchFailure> {
  const header = readSoundHeader(bytes, at);
  return 'code' in header ? header : openBatchAsync(bytes, at, header, options);
}

/** `openBatch` for batches that may be gzip. */
export async function openBatchAsync(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  options: InflateOptions = {},
): Promise<OpenBatch | BatchFailure> {
  if (header.compression !== 'gzip') return openBatch(bytes, at, header, options);
  const { inflatedBytesMax = INFLATED_BYTES_MAX } = options;
  const compressed = bytes.subarray(at + BATCH_OVERHEAD, at + header.sizeInBytes);
  const inflated = await pump(compressed, new DecompressionStream('gzip'), inflatedBytesMax);
  if (inflated === null) return notInflated(header, at, inflatedBytesMax);
  return { at, header, bytes: inflated, start: 0, end: inflated.length };
}

/** `decodeRecords` for batches that may be gzip. */
export async function decodeRecordsAsync(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  options: InflateOptions = {},
): Promise<LogRecord[] | BatchFailure> {
  const batch = await openBatchAsync(bytes, at, header, options);
  return 'code' in batch ? batch : decodeOpen(batch);
}

/** `visitOpen` for batches that may be gzip. */
export async function visitRecordsAsync(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  from: number,
  visit: RecordVisitor,
  options: InflateOptions = {},
): Promise<BatchFailure | null> {
  const batch = await openBatchAsync(bytes, at, header, options);
  return 'code' in batch ? batch : visitOpen(batch, from, visit);
}

/** Input goes in by pieces, so that a platform that inflates a whole piece at once overshoots by little. */
const PIECE_BYTES = 16 * 1024;

/** What `stream` makes of `input`; null when the input is corrupt or gives more than `bytesMax`. */
async function pump(
  input: Uint8Array,
  stream: CompressionStream | DecompressionStream,
  bytesMax: number,
): Promise<Uint8Array | null> {
  const writer = (stream.writable as WritableStream<Uint8Array>).getWriter();
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
  // Errors of the input show on both ends; they are taken from the reader, and here only kept from being unhandled.
  feed(writer, input).catch(() => undefined);
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > bytesMax) {
        // Not waited for: nothing depends on the stream any more, and platforms differ in when these promises resolve.
        reader.cancel().catch(() => undefined);
        writer.abort().catch(() => undefined);
        return null;
      }
      pieces.push(value);
    }
  } catch {
    return null;
  }
  return concatenate(pieces);
}

async function feed(writer: WritableStreamDefaultWriter<Uint8Array>, input: Uint8Array): Promise<void> {
  for (let at = 0; at < input.length; at += PIECE_BYTES) {
    await writer.write(input.subarray(at, at + PIECE_BYTES));
  }
  await writer.close();
}
