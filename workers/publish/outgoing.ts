/** The messages of a publish, from JSON or from record batches, checked and ready to be routed and stored. */

import type { Message } from '../../core/exchange/exchange.ts';
import { routedHeaders } from '../../core/exchange/routed-headers.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { exchangePublishSchema, type ExchangeMessage } from '../../protocol/exchanges.ts';
import { textOfBytes } from '../../protocol/json-bytes.ts';
import {
  BATCH_INFLATED_BYTES_MAX,
  REQUEST_RECORDS_MAX,
  ROUTING_KEY_BYTES_MAX,
} from '../../protocol/limits.ts';
import {
  EXCHANGE_HEADER,
  RESERVED_PREFIX,
  ROUTING_KEY_HEADER,
  recordOfMessage,
  textHeader,
} from '../../protocol/messages.ts';
import {
  decodeRecordsAsync,
  isBatchFailure,
  splitBatches,
  verifyBatchAsync,
  type LogRecord,
  type RecordHeader,
  type RecordInput,
} from '../../protocol/record-batch/index.ts';
import { check } from '../request.ts';
import { at, PROPERTY_HEADER_NAMES, recordProblem, tooLarge, tooMany } from './message-checks.ts';

export interface Outgoing {
  /** What routing looks at. */
  message: Message;
  /** What is stored, the same in every destination. */
  record: RecordInput;
  isMandatory: boolean;
}

export function outgoingFromJson(json: unknown, exchange: string, nowMs: number): Outgoing[] | Failure {
  const messages = (json as { messages?: unknown } | null)?.messages;
  if (Array.isArray(messages) && messages.length > REQUEST_RECORDS_MAX) return tooMany(messages.length);
  const checked = check(exchangePublishSchema, json, 'body');
  if (isFailure(checked)) return checked;
  const outgoing: Outgoing[] = [];
  for (const [index, message] of checked.fields.messages.entries()) {
    const one = outgoingOf(message, exchange, nowMs);
    if (isFailure(one)) return at(index, one);
    outgoing.push(one);
  }
  return outgoing;
}

/** Records carry their routing key in the header `:routing-key`; without it, it is empty. */
export async function outgoingFromBatches(
  bytes: Uint8Array,
  exchange: string,
  isMandatory: boolean,
  nowMs: number,
): Promise<Outgoing[] | Failure> {
  const batches = splitBatches(bytes);
  if (isBatchFailure(batches)) return batches;
  if (batches.length === 0) {
    return failure('truncated_batch', 'the body is empty; send at least one record batch');
  }
  const outgoing: Outgoing[] = [];
  for (const { at: start, header } of batches) {
    if (header.isControl) return failure('invalid_batch', 'control batches are written by the broker only');
    const verified = await verifyBatchAsync(bytes, start, { inflatedBytesMax: BATCH_INFLATED_BYTES_MAX });
    if (isBatchFailure(verified)) return verified;
    const records = await decodeRecordsAsync(bytes, start, header, BATCH_INFLATED_BYTES_MAX);
    if (isBatchFailure(records)) return records;
    if (outgoing.length + records.length > REQUEST_RECORDS_MAX)
      return tooMany(outgoing.length + records.length);
    for (const record of records) {
      const one = outgoingOfRecord(record, exchange, isMandatory, nowMs);
      if (isFailure(one)) return at(outgoing.length, one);
      outgoing.push(one);
    }
  }
  return outgoing;
}

function outgoingOf(message: ExchangeMessage, exchange: string, nowMs: number): Outgoing | Failure {
  const { routing_key: routingKey, mandatory: isMandatory } = message;
  const record = recordOfMessage(message, nowMs, { exchange, routingKey });
  if (typeof record === 'string') return failure('invalid_message', record);
  return (
    tooLarge(record) ?? {
      message: { routingKey, headers: routedHeaders(record.headers ?? []) },
      record,
      isMandatory,
    }
  );
}

function outgoingOfRecord(
  { key, value, headers: given }: LogRecord,
  exchange: string,
  isMandatory: boolean,
  nowMs: number,
): Outgoing | Failure {
  let routingKey = '';
  const headers: RecordHeader[] = [];
  for (const header of given) {
    if (header.key === ROUTING_KEY_HEADER) {
      const text = textOfBytes(header.value ?? new Uint8Array());
      if (typeof text !== 'string' || (header.value?.length ?? 0) > ROUTING_KEY_BYTES_MAX) {
        return failure('invalid_message', `:routing-key: at most ${ROUTING_KEY_BYTES_MAX} bytes of UTF-8`);
      }
      routingKey = text;
    } else if (!header.key.startsWith(RESERVED_PREFIX) || PROPERTY_HEADER_NAMES.has(header.key)) {
      headers.push(header);
    }
  }
  const wrong = recordProblem({ key, timestamp: nowMs, headers });
  if (wrong) return failure('invalid_message', wrong);
  const message: Message = { routingKey, headers: routedHeaders(headers) };
  headers.push(textHeader(EXCHANGE_HEADER, exchange), textHeader(ROUTING_KEY_HEADER, routingKey));
  const record: RecordInput = { key, value, timestamp: nowMs, headers };
  return tooLarge(record) ?? { message, record, isMandatory };
}
