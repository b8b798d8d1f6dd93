/** Records of messages that leave their place: with what has to be known of them where they go. */

import {
  DEATH_QUEUE_HEADER,
  DEATH_REASON_HEADER,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  PROPERTY_HEADERS,
  textHeader,
} from '../../protocol/messages.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import type { DeliveryError } from './queue-calls.ts';

/** A dead letter begins anew: it is neither delayed nor does it expire, and its attempts are not counted on. */
const LEFT_BEHIND = new Set<string>([
  PROPERTY_HEADERS.expiration_ms,
  PROPERTY_HEADERS.delay_ms,
  PROPERTY_HEADERS.deliver_at,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  DEATH_REASON_HEADER,
  DEATH_QUEUE_HEADER,
]);

export function retriedRecord(record: LogRecord, deliveries: number, failures: number): LogRecord {
  const headers = record.headers.filter(({ key }) => key !== DELIVERIES_HEADER && key !== FAILURES_HEADER);
  headers.push(
    textHeader(DELIVERIES_HEADER, String(deliveries)),
    textHeader(FAILURES_HEADER, String(failures)),
  );
  return { ...record, headers };
}

export function deathRecord(
  record: LogRecord,
  reason: string,
  queue: string,
  _death: { error?: DeliveryError; consumerId?: string } = {},
): LogRecord {
  const headers = record.headers.filter(({ key }) => !LEFT_BEHIND.has(key));
  headers.push(textHeader(DEATH_REASON_HEADER, reason), textHeader(DEATH_QUEUE_HEADER, queue));
  return { ...record, headers };
}
