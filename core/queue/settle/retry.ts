/** Retry schedule: when a failed message is tried again. */

import type { RetryConfig } from '../../../protocol/schemas/queues.ts';

/**
 * The delay before the next attempt, in ms; null if there is none and the message is dead.
 * @param failures attempts that have failed, this one included: at least 1
 * @param random from 0 to below 1, for the jitter
 */
export function retryDelay(retry: RetryConfig, failures: number, random: number): number | null {
  if ('schedule_ms' in retry) return retry.schedule_ms[failures - 1] ?? null;
  if (failures > retry.attempts) return null;
  const delay = Math.min(retry.max_ms, retry.base_ms * retry.factor ** (failures - 1));
  return Math.round(delay * (1 - retry.jitter * random));
}

/**
 * A delay in two significant digits, rounded up: never early, late by less than a tenth. Messages that fail together then
 * wait in few rows however their delays differ: at most 90 for each power of ten.
 */
export function roundDelay(delayMs: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(delayMs, 1))) - 1);
  return Math.ceil(delayMs / unit) * unit;
}

/** A number of its own for each message out of one that was drawn: from 0 to below 1. */
export function spread(random: number, offset: number): number {
  return (random + offset * GOLDEN_RATIO) % 1;
}

/** Its multiples fall evenly between 0 and 1, however many they are. */
const GOLDEN_RATIO = 0.618_033_988_749_895;

/** The delay of one that must not be dropped, whatever the schedule: its longest. */
export function longestDelay(retry: RetryConfig): number {
  const delay = 'schedule_ms' in retry ? Math.max(0, ...retry.schedule_ms) : retry.max_ms;
  return Math.max(delay, 1_000);
}
