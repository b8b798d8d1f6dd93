/**
 * Forwarded record: a message as a subscription stores it in another queue or topic. It keeps its body, key, time and headers, and
 * counts a hop, so that messages do not go round in circles for ever.
 */

import { BROKER_HOPS_MAX } from '../../protocol/limits.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import {
  ATTEMPTS_HEADER,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  HOPS_HEADER,
  PROPERTY_HEADERS,
  RESERVED_PREFIX,
  textHeader,
} from '../../protocol/schemas/messages.ts';
import { hopsOf } from '../queue/dead-letters/death-headers.ts';
import { forQueue } from '../share/dead-letter.ts';

/** They have had their effect, or count what happened before. */
const LEFT_BEHIND = new Set<string>([
  PROPERTY_HEADERS.delay_ms,
  PROPERTY_HEADERS.deliver_at,
  ATTEMPTS_HEADER,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  HOPS_HEADER,
]);

/**
 * @param from a producer of a topic may set any header, and those of the broker would take effect in a queue
 * @returns null if the broker has handed the message on so often that it must be going round in circles
 */
export function forwardedRecord(
  record: LogRecord,
  from: 'queue' | 'topic',
  to: 'queue' | 'topic',
): LogRecord | null {
  const hops = hopsOf(record);
  if (hops >= BROKER_HOPS_MAX) return null;
  const isForeign = from === 'topic' && to === 'queue';
  const headers = record.headers.filter(
    ({ key }) => !LEFT_BEHIND.has(key) && !(isForeign && key.startsWith(RESERVED_PREFIX)),
  );
  headers.push(textHeader(HOPS_HEADER, String(hops + 1)));
  const forwarded = { ...record, headers };
  return to === 'queue' ? forQueue(forwarded) : forwarded;
}
