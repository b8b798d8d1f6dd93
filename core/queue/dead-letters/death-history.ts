/**
 * Death history: the queues in which a message died before, and whether it circulates. As in RabbitMQ's `x-death`, all deaths in one
 * queue for one reason are one entry with a count, and the latest entry comes first.
 */

import type { DeathEntry, HistoryReason } from '../../../protocol/schemas/dead-letters.ts';
import { DEATH_HISTORY_MAX } from '../../../protocol/limits.ts';

export function withEntry(
  history: readonly DeathEntry[],
  queue: string,
  reason: HistoryReason,
  atMs: number,
): DeathEntry[] {
  const isSame = (entry: DeathEntry): boolean => entry.queue === queue && entry.reason === reason;
  const known = history.find(isSame);
  const entry = { queue, reason, count: (known?.count ?? 0) + 1, first: known?.first ?? atMs, last: atMs };
  return [entry, ...history.filter((other) => !isSame(other))].slice(0, DEATH_HISTORY_MAX);
}

/**
 * Returns whether the message would reach a queue in which it died before, although no consumer has rejected it and nobody
 * has replayed it since. It would circulate for ever (https://www.rabbitmq.com/docs/dlx).
 * @param history includes the present death
 */
export function isCycle(history: readonly DeathEntry[], queue: string): boolean {
  for (const entry of history) {
    if (entry.reason === 'rejected' || entry.reason === 'replayed') return false;
    if (entry.queue === queue) return true;
  }
  return false;
}
