/** Delivery requests: one asks a queue for messages. */

import { decodeDeliveryFrame, type DeliverySection } from '../../../protocol/frames/delivery-frame.ts';
import { DELIVERIES_TYPE, JSON_TYPE } from '../../../protocol/headers/media-types.ts';
import {
  decodeRecords,
  isBatchFailure,
  isDamaged,
  surveyBatches,
  type LogRecord,
} from '../../../protocol/record-batch/index.ts';
import { PADDED, withoutPadding } from '../../../protocol/frames/padding.ts';
import type { HttpReply, Transport } from '../../client/transport.ts';
import { PosthornError } from '../../errors.ts';
import { queuePath } from '../../client/names.ts';
import { ReceivedMessage, type Settler } from '../received-message.ts';

export interface DeliverySpec {
  queue: string;
  consumerId: string;
  max: number;
  waitMs: number;
  leaseMs: number;
  isAutoAck: boolean;
  signal: AbortSignal;
}

/** Makes one attempt. @returns the reply, whose bytes are the frame; empty if the time was over */
export async function requestDeliveries(transport: Transport, spec: DeliverySpec): Promise<HttpReply> {
  const { queue, consumerId, max, waitMs, leaseMs, isAutoAck, signal } = spec;
  const level = isAutoAck ? { auto_ack: true } : { lease_ms: leaseMs };
  const reply = await transport.call({
    method: 'POST',
    path: `${queuePath(queue)}/deliveries`,
    headers: { 'content-type': JSON_TYPE, accept: DELIVERIES_TYPE + PADDED },
    body: JSON.stringify({ max, wait_ms: waitMs, ...level, consumer_id: consumerId }),
    signal,
    timeoutMs: transport.config.timeoutMs + waitMs,
  });
  return { ...reply, bytes: withoutPadding(reply.bytes) };
}

/** The messages of a frame, in the order of delivery. */
export function messagesOf(frame: Uint8Array, settler: Settler): ReceivedMessage[] {
  if (frame.length === 0) return [];
  const messages: ReceivedMessage[] = [];
  try {
    const { queueId, sections } = decodeDeliveryFrame(frame);
    for (const section of sections) {
      const records = new Map(recordsOf(section).map((record) => [record.offset, record]));
      for (const { start, end, delivery } of section.runs) {
        const position = { queueId, lane: section.lane, delivery };
        for (let offset = start; offset < end; offset++) {
          const record = records.get(offset);
          // The message is damaged. Its lease ends, and the queue treats that as a failed attempt.
          if (record) messages.push(new ReceivedMessage(record, position, settler));
        }
      }
    }
  } catch (cause) {
    if (cause instanceof PosthornError) throw cause;
    throw new PosthornError('unexpected_reply', 'the deliveries cannot be read', { cause });
  }
  return messages;
}

function recordsOf({ batches: bytes }: DeliverySection): LogRecord[] {
  return surveyBatches(bytes, 0, Number.MAX_SAFE_INTEGER).flatMap((piece) => {
    if (isDamaged(piece)) return [];
    const { at, header } = piece;
    const records = decodeRecords(bytes, at, header);
    if (isBatchFailure(records)) throw new PosthornError(records.code, `deliveries: ${records.message}`);
    return records;
  });
}
