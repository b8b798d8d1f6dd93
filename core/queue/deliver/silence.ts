/**
 * Silence: when the consumer of a stream is taken for gone. A peer whose machine or network has died sends no close, so that
 * only what it does not say shows it.
 */

/** One that has announced a heartbeat is gone when so many of them are missing. */
const HEARTBEATS_MISSING = 3;

/**
 * One that has announced none has until now only its leases to be judged by: it is gone when one of them has ended, and it has
 * said nothing for so long, in ms.
 */
const SILENT_MS_MAX = 25_000;

export interface Signs {
  /** It has said that it sends something at least so often, in ms. */
  heartbeatMs?: number | undefined;
  /** When it came, or has said something last. */
  lastMs: number;
  /** Leases that have ended in its hands since. */
  endedLeases: number;
}

/** When it is taken for gone unless it says something, in ms; Infinity: time alone does not show it. */
export function goneAtMs({ heartbeatMs, lastMs, endedLeases }: Signs): number {
  if (heartbeatMs !== undefined) return lastMs + HEARTBEATS_MISSING * heartbeatMs;
  return endedLeases > 0 ? lastMs + SILENT_MS_MAX : Infinity;
}
