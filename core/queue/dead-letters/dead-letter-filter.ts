/** Dead-letter filter: selects dead letters by their properties. */

import type { DeadLetterFilter } from '../../../protocol/schemas/dead-letters.ts';
import { DEATH_HEADER, DEATH_QUEUE_HEADER, ROUTING_KEY_HEADER } from '../../../protocol/schemas/messages.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import { deathOf, reasonOf, textOf } from './death-headers.ts';

export type MessageFilter = DeadLetterFilter & { any?: true };

/** Returns whether the message is a dead letter. A dead-letter queue may hold other messages, which replays and purges must not touch. */
export const isDeadLetter = (record: LogRecord): boolean =>
  record.headers.some(({ key }) => key === DEATH_HEADER);

/**
 * Returns the filter as a function. It parses times once.
 * @param filter.any true: any message, whether a dead letter or not
 */
export function matcherOf(filter: MessageFilter): (record: LogRecord) => boolean {
  const from = filter.from === undefined ? -Infinity : Date.parse(filter.from);
  const to = filter.to === undefined ? Infinity : Date.parse(filter.to);
  const asksForDeath =
    filter.error_type !== undefined ||
    filter.from !== undefined ||
    filter.to !== undefined ||
    filter.original_queue !== undefined;
  const decoder = new TextDecoder();
  return (record) => {
    if (filter.any !== true && !isDeadLetter(record)) return false;
    const { reason, key, routing_key: routingKey, original_queue: queue, error_type: type } = filter;
    if (reason !== undefined && reasonOf(record) !== reason) return false;
    if (routingKey !== undefined && textOf(record, ROUTING_KEY_HEADER) !== routingKey) return false;
    if (key !== undefined && (record.key === null || decoder.decode(record.key) !== key)) return false;
    if (!asksForDeath) return true;
    const death = deathOf(record);
    if (death === null || death.at < from || death.at >= to) return false;
    if (type !== undefined && death.error?.type !== type) return false;
    return queue === undefined || hasDiedIn(record, queue);
  };
}

/** Returns whether the queue is the first or the last in which the message died. */
export function hasDiedIn(record: LogRecord, queue: string): boolean {
  const death = deathOf(record);
  if (death === null) return false;
  return death.original_queue === queue || textOf(record, DEATH_QUEUE_HEADER) === queue;
}
