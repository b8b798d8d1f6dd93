/** Retry schedule: decides when a failed message is tried again. */

import type { RetryConfig } from '../../../protocol/schemas/queues.ts';

/**
 * Returns the delay before the next attempt, in ms; null if there is no further attempt and the message is dead.
 * @param failures attempts that failed, this one included: at least 1
 * @param random from 0 to below 1, for the jitter
 */
export function retryDelay(retry: RetryConfig, failures: number, random: number): number | null {
  if ('schedule_ms' in retry) return retry.schedule_ms[failures - 1] ?? null;
  if (failures > retry.attempts) return null;
  const delay = Math.min(retry.max_ms, retry.base_ms * retry.factor ** (failures - 1));
  return Math.round(delay * (1 - retry.jitter * random));
}

/**
 * Rounds a delay up to two significant digits: a retry is never early, and late by less than a tenth. Messages that fail
 * together then wait in few rows, however much their delays differ: at most 90 rows for each power of ten.
 */
export function roundDelay(delayMs: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(delayMs, 1))) - 1);
  return Math.ceil(delayMs / unit) * unit;
}

/** Derives a number for each message from one random number: from 0 to below 1. */
export function spread(random: number, offset: number): number {
  return (random + offset * GOLDEN_RATIO) % 1;
}

/** The golden ratio: the fractional parts of its multiples spread evenly between 0 and 1. */
const GOLDEN_RATIO = 0.618_033_988_749_895;

/** Returns the longest delay of a schedule, for a message that must not be dropped. */
export function longestDelay(retry: RetryConfig): number {
  const delay = 'schedule_ms' in retry ? Math.max(0, ...retry.schedule_ms) : retry.max_ms;
  return Math.max(delay, 1_000);
}
