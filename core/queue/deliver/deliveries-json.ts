/** Deliveries as JSON, to be written by `writeJson`. */

import type { DeliveryFrame, DeliveryRun } from '../../../protocol/frames/delivery-frame.ts';
import { formatTag } from '../../../protocol/frames/delivery-tag.ts';
import { deathOf, deliveriesBefore } from '../dead-letters/death-headers.ts';
import { detailsOf } from '../dead-letters/dead-letter-record.ts';
import type { Deliveries, Delivery } from '../../../protocol/schemas/deliveries.ts';
import { messageOfRecord, type WrittenMessage } from '../../../protocol/schemas/messages.ts';
import { recordsIn, type LogRecord } from '../../../protocol/record-batch/index.ts';

export function deliveriesOf({ queueId, sections }: DeliveryFrame): Deliveries<WrittenMessage> {
  const deliveries: Delivery<WrittenMessage>[] = [];
  for (const { lane, runs, batches } of sections) {
    const records = new Map(recordsIn(batches).map((record) => [record.offset, record]));
    for (const run of runs) {
      for (let offset = run.start; offset < run.end; offset++) {
        const tag = formatTag({ queueId, lane, offset, delivery: run.delivery });
        deliveries.push(deliveryOf(tag, run, records.get(offset)!));
      }
    }
  }
  return { deliveries };
}

export function messagesOf(batches: Uint8Array): WrittenMessage[] {
  return recordsIn(batches).map(messageOfRecord);
}

function deliveryOf(
  tag: string,
  { delivery, expiresAtMs }: DeliveryRun,
  record: LogRecord,
): Delivery<WrittenMessage> {
  const count = delivery + deliveriesBefore(record);
  return {
    delivery_tag: tag,
    ...messageOfRecord(record),
    ...(deathOf(record) && { dead_letter: detailsOf(record) }),
    delivery_count: count,
    redelivered: count > 1,
    lease_expires_at: expiresAtMs === 0 ? null : expiresAtMs,
  };
}
