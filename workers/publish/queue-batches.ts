/** Messages that are published straight to a queue, from JSON or from record batches: checked, and packed as stored. */

import type { PublishProducer } from '../../core/queue/publish/queue-producers.ts';
import { sequenceAfter } from '../../core/producers/sequences.ts';
import { hasOnlyValues } from '../../core/queue/publish/plain-batch.ts';
import { concatenate } from '../../protocol/bytes.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import {
  BATCH_BYTES_MAX,
  PRODUCER_EPOCH_MAX,
  PRODUCER_ID_MAX,
  REQUEST_BYTES_MAX,
  REQUEST_RECORDS_MAX,
} from '../../protocol/limits.ts';
import { recordOfMessage, type Message } from '../../protocol/schemas/messages.ts';
import { missingTraceHeaders, type TraceContext } from '../../protocol/headers/trace-context.ts';
import {
  decodeOpen,
  isBatchFailure,
  packBatches,
  splitBatches,
  stampAppendTime,
  type LocatedBatch,
  type RecordInput,
} from '../../protocol/record-batch/index.ts';
import { queuePublishSchema } from '../../protocol/schemas/deliveries.ts';
import { InflateBudget } from '../bounds/inflate-budget.ts';
import { isWithoutPromise } from '../produce/delivery-level.ts';
import { check } from '../http/request.ts';
import { traced } from '../http/trace-context.ts';
import { at, recordProblem, tooLarge, tooMany } from './message-checks.ts';

export interface QueueBatches {
  bytes: Uint8Array;
  count: number;
  /** Absent: without sequences. */
  producer?: PublishProducer;
}

/** @param trace the context of the request, for messages without one */
export function batchesFromJson(
  json: unknown,
  trace: TraceContext | null,
  nowMs: number,
): QueueBatches | Failure {
  const messages = (json as { messages?: unknown } | null)?.messages;
  if (Array.isArray(messages) && messages.length > REQUEST_RECORDS_MAX) return tooMany(messages.length);
  const checked = check(queuePublishSchema, json, 'body');
  if (isFailure(checked)) return checked;
  const { producer, delivery, messages: sent } = checked.fields;
  const refused = isWithoutPromise({ delivery }, producer !== undefined);
  if (isFailure(refused)) return refused;
  const records = recordsForQueue(sent, trace, nowMs);
  if (isFailure(records)) return records;
  const bytes = packBatches(records, { bytesMax: BATCH_BYTES_MAX });
  return { bytes, count: records.length, ...(producer && { producer }) };
}

export function recordsForQueue(
  messages: readonly Message[],
  trace: TraceContext | null,
  nowMs: number,
): RecordInput[] | Failure {
  const records: RecordInput[] = [];
  for (const [index, message] of messages.entries()) {
    const record = recordOfMessage(message, nowMs);
    const wrong = typeof record === 'string' ? failure('invalid_message', record) : tooLarge(record);
    if (wrong) return at(index, wrong);
    records.push(traced(record as RecordInput, trace, tooLarge));
  }
  return records;
}

/** Batches are stored uncompressed, with the time at which they came as that of their messages. */
export async function batchesFromBytes(
  bytes: Uint8Array,
  delivery: 'at-least-once' | 'exactly-once' | undefined,
  trace: TraceContext | null,
  nowMs: number,
): Promise<QueueBatches | Failure> {
  const located = splitBatches(bytes);
  if (isBatchFailure(located)) return located;
  if (located.length === 0)
    return failure('truncated_batch', 'the body is empty; send at least one record batch');
  const producer = producerOf(located);
  if (isFailure(producer)) return producer;
  const refused = isWithoutPromise({ delivery }, producer !== null);
  if (isFailure(refused)) return refused;
  const parts: Uint8Array[] = [];
  let count = 0;
  // They are stored inflated: as much as they may have if they come so.
  const budget = new InflateBudget(REQUEST_BYTES_MAX);
  for (const [number, batch] of located.entries()) {
    count += batch.header.recordCount;
    if (count > REQUEST_RECORDS_MAX) return tooMany(count);
    const taken = await takeBatch(bytes, batch, budget, trace, nowMs);
    if (isFailure(taken)) return { ...taken, details: { ...taken.details, batch: number } };
    parts.push(taken);
  }
  return { bytes: concatenate(parts), count, ...(producer && { producer }) };
}

/** The producer of a request's batches, which are one publish of it: their sequences follow on. Null if they have none. */
export function producerOf(batches: readonly LocatedBatch[]): PublishProducer | null | Failure {
  const { producerId: id, producerEpoch: epoch, baseSequence: sequence } = batches[0]!.header;
  let next = sequence;
  for (const [batch, { header }] of batches.entries()) {
    const { producerId, producerEpoch, baseSequence, recordCount } = header;
    if (producerId !== id || (id >= 0 && (producerEpoch !== epoch || baseSequence !== next))) {
      return failure(
        'invalid_batch',
        'the batches of a request have no producer, or all the same one, and sequences that follow on',
        { batch },
      );
    }
    next = sequenceAfter(next, recordCount);
  }
  if (id < 0) return null;
  const isInRange = id <= PRODUCER_ID_MAX && epoch >= 0 && epoch <= PRODUCER_EPOCH_MAX && sequence >= 0;
  if (isInRange) return { id, epoch, sequence };
  return failure(
    'invalid_batch',
    `a batch of a producer has an id up to ${PRODUCER_ID_MAX}, an epoch from 0 to ${PRODUCER_EPOCH_MAX} and a sequence from 0`,
    { batch: 0 },
  );
}

async function takeBatch(
  bytes: Uint8Array,
  located: LocatedBatch,
  budget: InflateBudget,
  trace: TraceContext | null,
  nowMs: number,
): Promise<Uint8Array | Failure> {
  const { at: start, header } = located;
  if (header.sizeInBytes > BATCH_BYTES_MAX) {
    return failure(
      'batch_too_large',
      `a batch has ${header.sizeInBytes} bytes; ${BATCH_BYTES_MAX} are taken`,
      {
        bytes_max: BATCH_BYTES_MAX,
      },
    );
  }
  if (header.isControl || header.isTransactional) {
    return failure(
      'invalid_batch',
      'queues take no control batches, and messages of a transaction at /transactions/{transactional_id}/messages',
    );
  }
  const isPacked = header.compression !== 'none';
  const opened = await budget.verified(bytes, located);
  if (isFailure(opened)) return opened;
  if (isPacked || trace !== null || !hasOnlyValues(bytes, start, header)) {
    const records = decodeOpen(opened);
    if (isBatchFailure(records)) return records;
    for (const [index, record] of records.entries()) {
      const wrong = recordProblem(record);
      if (wrong) return at(index, failure('invalid_message', wrong));
    }
    const isToBeTraced =
      trace !== null && records.some(({ headers }) => missingTraceHeaders(headers, trace).length > 0);
    if (isPacked || isToBeTraced)
      return packBatches(
        records.map((record) => traced({ ...record, timestamp: nowMs }, trace, tooLarge)),
        { bytesMax: BATCH_BYTES_MAX },
      );
  }
  stampAppendTime(bytes, start, nowMs);
  return bytes.subarray(start, start + header.sizeInBytes);
}
