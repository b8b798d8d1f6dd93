/** Push messages: the messages of a delivery frame, as a subscription holds them until they are settled. */

import { attemptsBefore, deliveriesBefore } from '../../core/queue/dead-letters/death-headers.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import { decodeDeliveryFrame } from '../../protocol/frames/delivery-frame.ts';
import { formatTag } from '../../protocol/frames/delivery-tag.ts';
import { murmur2 } from '../../protocol/murmur2.ts';
import { recordsIn, type LogRecord } from '../../protocol/record-batch/index.ts';
import { PROPERTY_HEADERS, textHeader } from '../../protocol/schemas/messages.ts';
import type { PushSource } from '../rpc/subscription.ts';

export interface PushMessage {
  /** The same for each attempt, however long the message has waited between: what the endpoint deduplicates by. */
  readonly id: string;
  readonly source: PushSource;
  readonly tag: string;
  readonly record: LogRecord;
  /** How often it was delivered, this time included. */
  readonly attempt: number;
  readonly bytes: number;
  readonly arrivedMs: number;
  readonly expiresAtMs: number;
}

const encoder = new TextEncoder();

/** @param namespace of the queue: ids of two brokers' queues differ by chance, those of one broker's always */
export function messagesOfFrame(
  namespace: string,
  source: PushSource,
  bytes: Uint8Array,
  nowMs: number,
): PushMessage[] {
  const { queueId, sections } = decodeDeliveryFrame(bytes);
  const place = (murmur2(encoder.encode(`${namespace}/${source.name}`)) >>> 0).toString(36);
  const messages: PushMessage[] = [];
  for (const { lane, runs, batches } of sections) {
    const records = new Map(recordsIn(batches).map((record) => [record.offset, record]));
    for (const { start, end, delivery, expiresAtMs } of runs) {
      for (let offset = start; offset < end; offset++) {
        const record = records.get(offset)!;
        const origin = attemptsBefore(record)?.origin ?? `${lane.toString(36)}-${offset.toString(36)}`;
        messages.push({
          id: `msg_${place}_${queueId.toString(36)}-${origin}`,
          source,
          tag: formatTag({ queueId, lane, offset, delivery }),
          record,
          attempt: delivery + deliveriesBefore(record),
          bytes: (record.value?.length ?? 0) + (record.key?.length ?? 0) + OVERHEAD_BYTES,
          arrivedMs: nowMs,
          expiresAtMs,
        });
      }
    }
  }
  return messages;
}

/** A message that shows the endpoint the format of the subscription. It comes from no queue, and is settled nowhere. */
export function testMessage(
  { config: { source } }: SubscriptionDefinition,
  id: string,
  nowMs: number,
): PushMessage {
  const value = encoder.encode('{"test":true}');
  const headers = [textHeader(PROPERTY_HEADERS.type, TEST_TYPE)];
  return {
    id,
    source: { name: source.queue, id: 0, version: 0 },
    tag: '',
    record: { offset: 0, timestamp: nowMs, key: null, value, headers },
    attempt: 1,
    bytes: value.length,
    arrivedMs: nowMs,
    expiresAtMs: Infinity,
  };
}

/** The type of test messages. */
const TEST_TYPE = 'posthorn.test';

/** Of headers and of what is kept beside, about. */
const OVERHEAD_BYTES = 500;

/** Names a request: that of its message, or one that stands for exactly these. */
export function requestIdOf(messages: readonly PushMessage[]): string {
  const [first] = messages;
  if (messages.length === 1) return first!.id;
  const all = murmur2(encoder.encode(messages.map(({ id }) => id).join(' '))) >>> 0;
  return `${first!.id}_${messages.length}_${all.toString(36)}`;
}
