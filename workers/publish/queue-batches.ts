/** Messages that are published straight to a queue, from JSON or from record batches: checked, and packed as stored. */

import { readFacts } from '../../core/queue/facts.ts';
import { hasOnlyValues } from '../../core/queue/scan.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import {
  BATCH_BYTES_MAX,
  BATCH_INFLATED_BYTES_MAX,
  ORDERING_KEY_BYTES_MAX,
  PRIORITY_MAX,
  PROPERTY_LENGTH_MAX,
  RECORD_BYTES_MAX,
  REQUEST_RECORDS_MAX,
  TIME_SPAN_MS_MAX,
} from '../../protocol/limits.ts';
import { PROPERTY_HEADERS, recordOfMessage, RESERVED_PREFIX } from '../../protocol/messages.ts';
import {
  decodeRecordsAsync,
  isBatchFailure,
  recordSizeUpperBound,
  splitBatches,
  stampAppendTime,
  verifyBatch,
  verifyBatchAsync,
  type LocatedBatch,
  type LogRecord,
  type RecordInput,
} from '../../protocol/record-batch/index.ts';
import { queuePublishSchema } from '../../protocol/deliveries.ts';
import { packBatches } from '../produce/json-records.ts';
import { check } from '../request.ts';

export interface QueueBatches {
  bytes: Uint8Array;
  count: number;
}

export function batchesFromJson(json: unknown, nowMs: number): QueueBatches | Failure {
  const messages = (json as { messages?: unknown } | null)?.messages;
  if (Array.isArray(messages) && messages.length > REQUEST_RECORDS_MAX) return tooMany(messages.length);
  const checked = check(queuePublishSchema, json, 'body');
  if (isFailure(checked)) return checked;
  const records: RecordInput[] = [];
  for (const [index, message] of checked.fields.messages.entries()) {
    const record = recordOfMessage(message, nowMs);
    const wrong = typeof record === 'string' ? failure('invalid_message', record) : tooLarge(record);
    if (wrong) return at(index, wrong);
    records.push(record as RecordInput);
  }
  return { bytes: packBatches(records, BATCH_BYTES_MAX), count: records.length };
}

/** Batches are stored uncompressed, with the time at which they came as that of their messages. */
export async function batchesFromBytes(bytes: Uint8Array, nowMs: number): Promise<QueueBatches | Failure> {
  const located = splitBatches(bytes);
  if (isBatchFailure(located)) return located;
  if (located.length === 0)
    return failure('truncated_batch', 'the body is empty; send at least one record batch');
  const parts: Uint8Array[] = [];
  let count = 0;
  for (const [number, batch] of located.entries()) {
    const taken = await takeBatch(bytes, batch, nowMs);
    if (isFailure(taken)) return { ...taken, details: { ...taken.details, batch: number } };
    parts.push(taken);
    count += batch.header.recordCount;
    if (count > REQUEST_RECORDS_MAX) return tooMany(count);
  }
  return { bytes: joined(parts), count };
}

async function takeBatch(
  bytes: Uint8Array,
  { at: start, header }: LocatedBatch,
  nowMs: number,
): Promise<Uint8Array | Failure> {
  if (header.sizeInBytes > BATCH_BYTES_MAX) {
    return failure(
      'batch_too_large',
      `a batch has ${header.sizeInBytes} bytes; ${BATCH_BYTES_MAX} are taken`,
      {
        bytes_max: BATCH_BYTES_MAX,
      },
    );
  }
  if (header.isControl || header.isTransactional || header.producerId >= 0) {
    return failure('invalid_batch', 'queues take batches without a producer id and without transactions');
  }
  const isPacked = header.compression !== 'none';
  const verified = isPacked
    ? await verifyBatchAsync(bytes, start, { inflatedBytesMax: BATCH_INFLATED_BYTES_MAX })
    : verifyBatch(bytes, start);
  if (isBatchFailure(verified)) return verified;
  if (isPacked || !hasOnlyValues(bytes, start, header)) {
    const records = await decodeRecordsAsync(bytes, start, header, BATCH_INFLATED_BYTES_MAX);
    if (isBatchFailure(records)) return records;
    for (const [index, record] of records.entries()) {
      const wrong = findProblem(record);
      if (wrong) return at(index, failure('invalid_message', wrong));
    }
    if (isPacked)
      return packBatches(
        records.map((record) => ({ ...record, timestamp: nowMs })),
        BATCH_BYTES_MAX,
      );
  }
  stampAppendTime(bytes, start, nowMs);
  return bytes.subarray(start, start + header.sizeInBytes);
}

const PROPERTIES = new Set<string>(Object.values(PROPERTY_HEADERS));

function findProblem(record: LogRecord): string | null {
  if ((record.key?.length ?? 0) > ORDERING_KEY_BYTES_MAX) {
    return `the key has ${record.key!.length} bytes, at most ${ORDERING_KEY_BYTES_MAX} are allowed`;
  }
  for (const { key, value } of record.headers) {
    if (!key.startsWith(RESERVED_PREFIX)) continue;
    if (!PROPERTIES.has(key)) return `header "${key}": names that begin with ":" are the broker's`;
    if (value === null || value.length > PROPERTY_LENGTH_MAX)
      return `header "${key}" has no value, or too long a one`;
  }
  const { priority, expirationMs, dueMs } = readFacts(record);
  if (!isWithin(priority, PRIORITY_MAX)) return `:priority is not from 0 to ${PRIORITY_MAX}`;
  if (expirationMs !== null && !isWithin(expirationMs, TIME_SPAN_MS_MAX))
    return ':expiration-ms is out of range';
  if (dueMs !== null && !isWithin(dueMs, Number.MAX_SAFE_INTEGER)) return 'the delay is out of range';
  return null;
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((end, part) => (whole.set(part, end), end + part.length), 0);
  return whole;
}

function tooLarge(record: RecordInput): Failure | null {
  const bytes = recordSizeUpperBound(record);
  if (bytes <= RECORD_BYTES_MAX) return null;
  return failure('record_too_large', `it has about ${bytes} bytes; a message may have ${RECORD_BYTES_MAX}`, {
    bytes_max: RECORD_BYTES_MAX,
  });
}

function tooMany(count: number): Failure {
  return failure('too_many_records', `${count} messages; a request may have ${REQUEST_RECORDS_MAX}`, {
    records_max: REQUEST_RECORDS_MAX,
  });
}

function at(index: number, cause: Failure): Failure {
  return { ...cause, message: `message ${index}: ${cause.message}`, details: { ...cause.details, index } };
}
