/** The messages of a publish, from JSON or from record batches, checked and ready to be routed and stored. */

import type { RoutedMessage } from '../../core/exchange/exchange.ts';
import { routedHeaders } from '../../core/exchange/routed-headers.ts';
import { GAPPED_SEQUENCES } from '../../core/producers/gapped-sequences.ts';
import type { PublishProducer } from '../../core/queue/publish/queue-producers.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { exchangePublishSchema, type ExchangeMessage } from '../../protocol/schemas/exchanges.ts';
import { textOfBytes } from '../../protocol/json/json-bytes.ts';
import type { TraceContext } from '../../protocol/headers/trace-context.ts';
import {
  FURTHER_KEYS_MAX,
  REQUEST_BYTES_MAX,
  REQUEST_RECORDS_MAX,
  ROUTING_KEY_BYTES_MAX,
} from '../../protocol/limits.ts';
import {
  EXCHANGE_HEADER,
  RESERVED_PREFIX,
  ROUTING_KEY_HEADER,
  recordOfMessage,
  textHeader,
} from '../../protocol/schemas/messages.ts';
import {
  InflateBudget,
  decodeOpen,
  isBatchFailure,
  splitBatches,
  type LogRecord,
  type RecordHeader,
  type RecordInput,
} from '../../protocol/record-batch/index.ts';
import { inflate } from '../bounds/inflate.ts';
import { isWithoutPromise } from '../../core/producers/delivery-level.ts';
import { check } from '../../protocol/fields/check.ts';
import { traced } from '../../protocol/headers/trace-context.ts';
import {
  at,
  PROPERTY_HEADER_NAMES,
  recordProblem,
  tooLarge,
  tooMany,
} from '../../core/queue/publish/message-checks.ts';
import { producerOf } from '../../core/queue/publish/queue-batches.ts';

export interface Outgoing {
  /** What routing looks at. */
  message: RoutedMessage;
  /** What is stored, the same in every destination. */
  record: RecordInput;
  /** The same without the trace context that it has from its request. Absent: it has none from there. */
  untraced?: RecordInput;
  isMandatory: boolean;
}

/** A publish through an exchange, as it was sent. */
export interface OutgoingPublish {
  outgoing: Outgoing[];
  /** Absent: without sequences. */
  producer?: PublishProducer;
}

/** @param trace the context of the request, for messages without one */
export function outgoingFromJson(
  json: unknown,
  exchange: string,
  trace: TraceContext | null,
  nowMs: number,
): OutgoingPublish | Failure {
  const messages = (json as { messages?: unknown } | null)?.messages;
  if (Array.isArray(messages) && messages.length > REQUEST_RECORDS_MAX) return tooMany(messages.length);
  const checked = check(exchangePublishSchema, json, 'body');
  if (isFailure(checked)) return checked;
  const { producer, delivery, messages: sent } = checked.fields;
  const refused = checkProducer(producer, sent.length, delivery);
  if (refused) return refused;
  const outgoing: Outgoing[] = [];
  for (const [index, message] of sent.entries()) {
    const one = outgoingOf(message, exchange, trace, nowMs);
    if (isFailure(one)) return at(index, one);
    outgoing.push(one);
  }
  return { outgoing, ...(producer && { producer }) };
}

/** What is wrong with the sequences of a publish, or its level without them. */
function checkProducer(
  producer: PublishProducer | undefined,
  count: number,
  delivery: 'at-least-once' | 'exactly-once' | undefined,
): Failure | null {
  const refused = isWithoutPromise({ delivery }, producer !== undefined);
  if (isFailure(refused)) return refused;
  if (producer === undefined || producer.sequence + count <= GAPPED_SEQUENCES) return null;
  return failure(
    'invalid_field',
    `producer: the sequences of an epoch end at ${GAPPED_SEQUENCES - 1}; go on with the next epoch at 0`,
  );
}

/** Records carry their routing key in the header `:routing-key`; without it, it is empty. Of several, the last is theirs. */
export async function outgoingFromBatches(
  bytes: Uint8Array,
  exchange: string,
  { isMandatory, delivery }: { isMandatory: boolean; delivery: 'at-least-once' | 'exactly-once' | undefined },
  trace: TraceContext | null,
  nowMs: number,
): Promise<OutgoingPublish | Failure> {
  const batches = splitBatches(bytes);
  if (isBatchFailure(batches)) return batches;
  if (batches.length === 0) {
    return failure('truncated_batch', 'the body is empty; send at least one record batch');
  }
  const producer = producerOf(batches) ?? undefined;
  if (isFailure(producer)) return producer;
  const outgoing: Outgoing[] = [];
  // Destinations store them inflated: as much as they may have if they come so.
  const budget = new InflateBudget(inflate, REQUEST_BYTES_MAX);
  for (const batch of batches) {
    const { header } = batch;
    if (header.isControl || header.isTransactional) {
      return failure(
        'invalid_batch',
        'exchanges take no control batches, and messages of a transaction at /transactions/{transactional_id}/messages',
      );
    }
    const total = outgoing.length + header.recordCount;
    if (total > REQUEST_RECORDS_MAX) return tooMany(total);
    const opened = await budget.verified(bytes, batch);
    if (isFailure(opened)) return opened;
    const records = decodeOpen(opened);
    if (isBatchFailure(records)) return records;
    for (const record of records) {
      const one = outgoingOfRecord(record, exchange, isMandatory, trace, nowMs);
      if (isFailure(one)) return at(outgoing.length, one);
      outgoing.push(one);
    }
  }
  const refused = checkProducer(producer, outgoing.length, delivery);
  return refused ?? { outgoing, ...(producer && { producer }) };
}

function outgoingOf(
  message: ExchangeMessage,
  exchange: string,
  trace: TraceContext | null,
  nowMs: number,
): Outgoing | Failure {
  const { routing_key: routingKey, mandatory: isMandatory } = message;
  const record = recordOfMessage(message, nowMs, { exchange, routingKey });
  if (typeof record === 'string') return failure('invalid_message', record);
  return (
    tooLarge(record) ?? {
      message: { routingKey, headers: routedHeaders(record.headers ?? []) },
      ...withTrace(record, trace),
      isMandatory,
    }
  );
}

function outgoingOfRecord(
  { key, value, headers: given }: LogRecord,
  exchange: string,
  isMandatory: boolean,
  trace: TraceContext | null,
  nowMs: number,
): Outgoing | Failure {
  const keys: string[] = [];
  const headers: RecordHeader[] = [];
  for (const header of given) {
    if (header.key === ROUTING_KEY_HEADER) {
      const text = textOfBytes(header.value ?? new Uint8Array());
      if (
        typeof text !== 'string' ||
        (header.value?.length ?? 0) > ROUTING_KEY_BYTES_MAX ||
        keys.length > FURTHER_KEYS_MAX
      ) {
        const message = `:routing-key: at most ${ROUTING_KEY_BYTES_MAX} bytes of UTF-8, and ${FURTHER_KEYS_MAX} further ones`;
        return failure('invalid_message', message);
      }
      keys.push(text);
    } else if (!header.key.startsWith(RESERVED_PREFIX) || PROPERTY_HEADER_NAMES.has(header.key)) {
      headers.push(header);
    }
  }
  const routingKey = keys.pop() ?? '';
  const wrong = recordProblem({ key, timestamp: nowMs, headers });
  if (wrong) return failure('invalid_message', wrong);
  const furtherKeys = keys.length === 0 ? keys : [...new Set(keys)].filter((key) => key !== routingKey);
  const message: RoutedMessage = { routingKey, furtherKeys, headers: routedHeaders(headers) };
  headers.push(textHeader(EXCHANGE_HEADER, exchange), textHeader(ROUTING_KEY_HEADER, routingKey));
  const record: RecordInput = { key, value, timestamp: nowMs, headers };
  return tooLarge(record) ?? { message, ...withTrace(record, trace), isMandatory };
}

function withTrace(record: RecordInput, trace: TraceContext | null): Pick<Outgoing, 'record' | 'untraced'> {
  const longer = traced(record, trace, tooLarge);
  return longer === record ? { record } : { record: longer, untraced: record };
}
