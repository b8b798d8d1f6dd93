/**
 * Silence: decides when the consumer of a stream counts as gone. A peer whose machine or network has died sends no close
 * frame, so only its silence shows it.
 */

/** A consumer that announced a heartbeat is gone when it has missed this many. */
const HEARTBEATS_MISSING = 3;

/**
 * A consumer that announced no heartbeat is judged by its leases. It is gone when a lease has ended and it has sent nothing
 * for this many ms.
 */
const SILENT_MS_MAX = 25_000;

export interface Signs {
  /** The consumer announced that it sends something at least this often, in ms. */
  heartbeatMs?: number | undefined;
  /** When it connected or last sent something, in ms. */
  lastMs: number;
  /** Leases of it that have ended since. */
  endedLeases: number;
}

/** Returns when the consumer counts as gone unless it sends something, in ms; Infinity if time alone does not decide. */
export function goneAtMs({ heartbeatMs, lastMs, endedLeases }: Signs): number {
  if (heartbeatMs !== undefined) return lastMs + HEARTBEATS_MISSING * heartbeatMs;
  return endedLeases > 0 ? lastMs + SILENT_MS_MAX : Infinity;
}
