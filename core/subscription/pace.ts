/** Pace: spreads the requests of a subscription evenly, at most so many in a second. */

export interface Pace {
  /** When the next request may leave, in ms. */
  readonly nextMs: number;
}

/** Requests that may leave at once after a pause: what a fifth of a second allows. */
const BURST_MS = 200;

/** A message whose turn is further away waits in the queue: its lease would end here. In ms. */
const TURN_MS_MAX = 5_000;

export const UNPACED: Pace = { nextMs: 0 };

/** Returns how long the next request has to wait, in ms, and the pace after it. */
export function takeTurn(
  { nextMs }: Pace,
  ratePerS: number | null,
  nowMs: number,
): { waitMs: number; pace: Pace } {
  if (ratePerS === null) return { waitMs: 0, pace: UNPACED };
  const stepMs = 1_000 / ratePerS;
  const atMs = Math.max(nextMs, nowMs - Math.max(0, BURST_MS - stepMs));
  return { waitMs: Math.max(0, Math.ceil(atMs - nowMs)), pace: { nextMs: atMs + stepMs } };
}

/** Returns until when the queue keeps its messages, in ms; 0: the next turn is near. */
export function keptUntil({ nextMs }: Pace, nowMs: number): number {
  return nextMs - nowMs > TURN_MS_MAX ? Math.ceil(nextMs) : 0;
}
