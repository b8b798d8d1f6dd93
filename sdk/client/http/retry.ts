/** Retry policy: the delay before each attempt, and the limits. */

import { asPosthornError, type PosthornError } from '../../errors.ts';
import { sleep } from '../sleep.ts';

/** Delays grow from `baseMs` by `factor` to `maxMs`; each is shortened at random by up to half (jitter). */
export interface RetryPolicy {
  /** The first delay, in ms. Default 100. */
  baseMs: number;
  /** Default 2. */
  factor: number;
  /** The longest delay, in ms. A `Retry-After` of the broker may exceed it. Default 5,000. */
  maxMs: number;
  /**
   * The number of attempts of an administrative call, with the first. Default 5, about 1.5 s. Producers and readers
   * limit the time instead: `deliveryTimeoutMs`, `giveUpMs`.
   */
  attempts: number;
}

export const RETRY_DEFAULTS: RetryPolicy = { baseMs: 100, factor: 2, maxMs: 5_000, attempts: 5 };

/** The longest `Retry-After` that the client obeys, in ms. */
const RETRY_AFTER_MS_MAX = 60_000;

/** @param attempt how many attempts have failed, from 1 */
export function delayMs(policy: RetryPolicy, attempt: number, error: PosthornError): number {
  const grown = Math.min(policy.maxMs, policy.baseMs * policy.factor ** (attempt - 1));
  const jittered = grown * (0.5 + Math.random() / 2);
  return Math.max(jittered, Math.min(error.retryAfterMs ?? 0, RETRY_AFTER_MS_MAX));
}

export interface RetryLimits {
  /** Attempts in all. Default: no limit. */
  attempts?: number;
  /** No attempt begins later than this many ms after the first failure. Default: no limit. */
  withinMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Runs until the call succeeds, fails for good, or reaches a limit. Then throws the last failure.
 *
 * @param run gets the number of the attempt, from 1
 */
export async function withRetries<Result>(
  policy: RetryPolicy,
  limits: RetryLimits,
  run: (attempt: number) => Promise<Result>,
): Promise<Result> {
  let failedAtMs = Infinity;
  for (let attempt = 1; ; attempt++) {
    try {
      return await run(attempt);
    } catch (cause) {
      const error = asPosthornError(cause);
      if (!error.retryable || attempt >= (limits.attempts ?? Infinity)) throw error;
      const wait = delayMs(policy, attempt, error);
      const nowMs = performance.now();
      failedAtMs = Math.min(failedAtMs, nowMs);
      if (nowMs + wait - failedAtMs > (limits.withinMs ?? Infinity)) throw error;
      await sleep(wait, limits.signal);
    }
  }
}
