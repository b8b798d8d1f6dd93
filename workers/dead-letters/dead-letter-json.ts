/** Dead-letter JSON: dead letters as JSON, and a changed message as a record again. */

import {
  detailsOf,
  headersOfBroker,
  originalRecord,
} from '../../core/queue/dead-letters/dead-letter-record.ts';
import type { DeadLetter, ResendRequest } from '../../protocol/schemas/dead-letters.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import {
  messageOfRecord,
  PROPERTY_HEADERS,
  recordOfMessage,
  RESERVED_PREFIX,
  type WrittenMessage,
} from '../../protocol/schemas/messages.ts';
import {
  encodeBatch,
  recordsIn,
  recordSizeUpperBound,
  type RecordInput,
} from '../../protocol/record-batch/index.ts';

/** A message that is sent back is not delayed again. */
const { delay_ms: _, deliver_at: __, ...UNDELAYED } = PROPERTY_HEADERS;
const KEPT_PROPERTIES = new Set<string>(Object.values(UNDELAYED));

/** @param ids one for each record */
export function deadLettersOf(ids: readonly string[], batches: Uint8Array): DeadLetter<WrittenMessage>[] {
  return recordsIn(batches).map((record, index) => ({
    id: ids[index]!,
    original_message: messageOfRecord(originalRecord(record)),
    ...detailsOf(record),
  }));
}

/** Returns the record with the changes. Other parts and the headers of the broker stay, byte for byte. */
export function editedRecord(
  batches: Uint8Array,
  change: NonNullable<ResendRequest['message']>,
): Uint8Array | Failure {
  const [record] = recordsIn(batches);
  const { body = null, headers, properties } = change;
  const edited = recordOfMessage({ body, headers, properties }, record!.timestamp);
  if (typeof edited === 'string') return failure('invalid_message', edited);
  const kept = originalRecord(record!).headers.filter(({ key }) =>
    key.startsWith(RESERVED_PREFIX)
      ? properties === undefined && KEPT_PROPERTIES.has(key)
      : headers === undefined,
  );
  const result: RecordInput = {
    key: properties === undefined ? record!.key : edited.key,
    value: change.body !== undefined ? edited.value : record!.value,
    timestamp: record!.timestamp,
    headers: [...kept, ...(edited.headers ?? []), ...headersOfBroker(record!)],
  };
  const bytes = recordSizeUpperBound(result);
  if (bytes <= RECORD_BYTES_MAX) return encodeBatch([result]);
  return failure('record_too_large', `it has about ${bytes} bytes; a message may have ${RECORD_BYTES_MAX}`, {
    bytes_max: RECORD_BYTES_MAX,
  });
}
