/** Queue messages: the messages of a delivery frame, as a subscription holds them until they are settled. */

import { attemptsBefore, deliveriesBefore } from '../../../core/queue/dead-letters/death-headers.ts';
import { decodeDeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';
import { formatTag } from '../../../protocol/frames/delivery-tag.ts';
import { recordsIn } from '../../../protocol/record-batch/index.ts';
import type { PushSource } from '../../rpc/subscription.ts';
import { bytesOf, placeOf, type PushMessage } from '../push-message.ts';

export interface QueueMessage extends PushMessage {
  readonly source: PushSource;
  readonly tag: string;
  readonly arrivedMs: number;
  readonly expiresAtMs: number;
}

/** @param namespace of the queue: ids of two brokers' queues differ by chance, those of one broker's always */
export function messagesOfFrame(
  namespace: string,
  source: PushSource,
  bytes: Uint8Array,
  nowMs: number,
): QueueMessage[] {
  const { queueId, sections } = decodeDeliveryFrame(bytes);
  const place = placeOf(namespace, source.name);
  const origin = { kind: 'queue', name: source.name } as const;
  const messages: QueueMessage[] = [];
  for (const { lane, runs, batches } of sections) {
    const records = new Map(recordsIn(batches).map((record) => [record.offset, record]));
    for (const { start, end, delivery, expiresAtMs } of runs) {
      for (let offset = start; offset < end; offset++) {
        const record = records.get(offset)!;
        const first = attemptsBefore(record)?.origin ?? `${lane.toString(36)}-${offset.toString(36)}`;
        messages.push({
          id: `msg_${place}_${queueId.toString(36)}-${first}`,
          origin,
          source,
          tag: formatTag({ queueId, lane, offset, delivery }),
          record,
          attempt: delivery + deliveriesBefore(record),
          bytes: bytesOf(record),
          arrivedMs: nowMs,
          expiresAtMs,
        });
      }
    }
  }
  return messages;
}
