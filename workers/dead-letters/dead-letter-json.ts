/** Dead letters as JSON, and a message that somebody has changed as the record that it was. */

import { detailsOf, headersOfBroker, originalRecord } from '../../core/queue/dead-letter-record.ts';
import { recordsIn } from '../../core/queue/deliveries-json.ts';
import type { DeadLetter, ResendRequest } from '../../protocol/dead-letters.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import { messageOfRecord, recordOfMessage } from '../../protocol/messages.ts';
import { encodeBatch, recordSizeUpperBound, type RecordInput } from '../../protocol/record-batch/index.ts';

/** @param ids one for each record */
export function deadLettersOf(ids: readonly string[], batches: Uint8Array): DeadLetter[] {
  return recordsIn(batches).map((record, index) => ({
    id: ids[index]!,
    original_message: messageOfRecord(originalRecord(record)),
    ...detailsOf(record),
  }));
}

/** The record with what was changed: what the broker knows of the message stays. */
export function editedRecord(
  batches: Uint8Array,
  change: NonNullable<ResendRequest['message']>,
): Uint8Array | Failure {
  const [record] = recordsIn(batches);
  const before = messageOfRecord(originalRecord(record!));
  const { delay_ms: _, deliver_at: __, ...properties } = before.properties;
  const headers = change.headers ?? before.headers;
  const edited = recordOfMessage(
    {
      body: change.body ?? null,
      ...(headers && { headers }),
      properties: change.properties ?? properties,
    },
    record!.timestamp,
  );
  if (typeof edited === 'string') return failure('invalid_message', edited);
  const result: RecordInput = {
    ...edited,
    value: change.body !== undefined ? edited.value : record!.value,
    headers: [...(edited.headers ?? []), ...headersOfBroker(record!)],
  };
  const bytes = recordSizeUpperBound(result);
  if (bytes <= RECORD_BYTES_MAX) return encodeBatch([result]);
  return failure('record_too_large', `it has about ${bytes} bytes; a message may have ${RECORD_BYTES_MAX}`, {
    bytes_max: RECORD_BYTES_MAX,
  });
}
