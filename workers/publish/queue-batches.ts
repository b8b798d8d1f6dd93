/** Messages that are published straight to a queue, from JSON or from record batches: checked, and packed as stored. */

import { isWithoutPromise } from '../../core/producers/delivery-level.ts';
import { at, tooLarge, tooMany } from '../../core/queue/publish/message-checks.ts';
import { checkQueueBatches, type QueueBatches } from '../../core/queue/publish/queue-batches.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { traced, type TraceContext } from '../../protocol/headers/trace-context.ts';
import { BATCH_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_RECORDS_MAX } from '../../protocol/limits.ts';
import { InflateBudget, packBatches, type RecordInput } from '../../protocol/record-batch/index.ts';
import { queuePublishSchema } from '../../protocol/schemas/deliveries.ts';
import { recordOfMessage, type Message } from '../../protocol/schemas/messages.ts';
import { inflate } from '../bounds/inflate.ts';
import { check } from '../../protocol/fields/check.ts';

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

export async function batchesFromBytes(
  bytes: Uint8Array,
  delivery: 'at-least-once' | 'exactly-once' | undefined,
  trace: TraceContext | null,
  nowMs: number,
): Promise<QueueBatches | Failure> {
  // They are stored inflated: as much as they may have if they come so.
  return await new InflateBudget(inflate, REQUEST_BYTES_MAX).opening(
    bytes,
    checkQueueBatches(bytes, delivery, trace, nowMs),
  );
}
