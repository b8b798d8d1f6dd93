/** When a message that failed is tried again. */

import type { RetryConfig } from '../../protocol/queues.ts';

/**
 * The delay before the next attempt, in ms; null where there is none and the message is dead.
 * @param failures attempts that have failed, this one included: at least 1
 * @param random from 0 to below 1, for the jitter
 */
export function retryDelay(retry: RetryConfig, failures: number, random: number): number | null {
  if ('schedule_ms' in retry) return retry.schedule_ms[failures - 1] ?? null;
  if (failures > retry.attempts) return null;
  const delay = Math.min(retry.max_ms, retry.base_ms * retry.factor ** (failures - 1));
  return Math.round(delay * (1 - retry.jitter * random));
}
