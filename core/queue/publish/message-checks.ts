/** Message checks: the checks of each message of a publish, as JSON or as a record. */

import { readMetadata } from '../state/message-metadata.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import { textOfBytes } from '../../../protocol/json/json-bytes.ts';
import {
  ORDERING_KEY_BYTES_MAX,
  PRIORITY_MAX,
  PROPERTY_LENGTH_MAX,
  RECORD_BYTES_MAX,
  REQUEST_RECORDS_MAX,
  TIME_SPAN_MS_MAX,
} from '../../../protocol/limits.ts';
import {
  NUMERIC_PROPERTIES,
  ORDERING_MIX,
  PROPERTY_HEADERS,
  RESERVED_PREFIX,
} from '../../../protocol/schemas/messages.ts';
import {
  recordSizeUpperBound,
  type LogRecord,
  type RecordInput,
} from '../../../protocol/record-batch/index.ts';

/** The names of headers that are properties of a message. */
export const PROPERTY_HEADER_NAMES = new Set<string>(Object.values(PROPERTY_HEADERS));

const NUMERIC_HEADERS = new Set<string>(
  Object.entries(PROPERTY_HEADERS).flatMap(([name, header]) =>
    NUMERIC_PROPERTIES.has(name) ? [header] : [],
  ),
);

/** Returns what is wrong with a message that came as a record, in words; null if it is valid. */
export function recordProblem(record: Pick<LogRecord, 'key' | 'timestamp' | 'headers'>): string | null {
  if ((record.key?.length ?? 0) > ORDERING_KEY_BYTES_MAX) {
    return `the key has ${record.key!.length} bytes, at most ${ORDERING_KEY_BYTES_MAX} are allowed`;
  }
  for (const { key, value } of record.headers) {
    if (!key.startsWith(RESERVED_PREFIX)) continue;
    if (!PROPERTY_HEADER_NAMES.has(key)) return `header "${key}": names that begin with ":" are the broker's`;
    if (value === null || value.length > PROPERTY_LENGTH_MAX)
      return `header "${key}" has no value, or too long a one`;
    if (typeof textOfBytes(value) !== 'string') return `header "${key}" is not UTF-8`;
    if (NUMERIC_HEADERS.has(key) && !isWithin(numberOf(value), Number.MAX_SAFE_INTEGER))
      return `header "${key}" is not an integer from 0, in decimal`;
  }
  const { priority, expirationMs, dueMs } = readMetadata(record);
  if (record.key !== null && (priority > 0 || (dueMs !== null && dueMs !== record.timestamp)))
    return ORDERING_MIX;
  if (!isWithin(priority, PRIORITY_MAX)) return `:priority is not from 0 to ${PRIORITY_MAX}`;
  if (expirationMs !== null && !isWithin(expirationMs, TIME_SPAN_MS_MAX))
    return ':expiration-ms is out of range';
  if (dueMs !== null && !isWithin(dueMs, Number.MAX_SAFE_INTEGER)) return 'the delay is out of range';
  return null;
}

function numberOf(value: Uint8Array): number {
  const text = textOfBytes(value);
  return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : NaN;
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}

export function tooLarge(record: RecordInput): Failure | null {
  const bytes = recordSizeUpperBound(record);
  if (bytes <= RECORD_BYTES_MAX) return null;
  return failure('record_too_large', `it has about ${bytes} bytes; a message may have ${RECORD_BYTES_MAX}`, {
    bytes_max: RECORD_BYTES_MAX,
  });
}

export function tooMany(count: number): Failure {
  return failure('too_many_records', `${count} messages; a request may have ${REQUEST_RECORDS_MAX}`, {
    records_max: REQUEST_RECORDS_MAX,
  });
}

/** The same failure, with the place of the message that it is about. */
export function at(index: number, cause: Failure): Failure {
  return { ...cause, message: `message ${index}: ${cause.message}`, details: { ...cause.details, index } };
}
