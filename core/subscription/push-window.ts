/** Push window: how many messages a subscription may hold, so that its requests never wait for the queue and leases last. */

/** What of a subscription decides. */
interface Paced {
  readonly concurrency: number;
  readonly batch_messages: number;
  readonly rate_per_s: number | null;
}

/** Messages that one subscription holds at most. */
export const WINDOW_MAX = 2_000;

/** Requests for which messages are there before anything is known of the endpoint, for each that is under way. */
const FIRST_ROUNDS = 4;

/** Requests for which messages are there whatever the endpoint takes. */
const ROUNDS_MIN = 2;

/** Messages are there for the requests of so much time, in ms: a settlement takes as long as a commit, and some share one. */
const AHEAD_MS = 300;

/** What a slow rate cannot send within so much time stays in the queue, in ms. */
const PACED_MS = 5_000;

/** @param requestMs how long a request takes of late; null: nobody knows */
export function pushWindow(
  { concurrency, batch_messages: batch, rate_per_s: rate }: Paced,
  requestMs: number | null,
): number {
  const rounds =
    requestMs === null
      ? FIRST_ROUNDS
      : Math.max(ROUNDS_MIN, Math.ceil(1 + AHEAD_MS / Math.max(requestMs, 1)));
  const wanted = concurrency * batch * rounds;
  const paced = rate === null ? wanted : Math.ceil((rate * PACED_MS) / 1_000) * batch;
  return Math.min(wanted, Math.max(paced, batch), WINDOW_MAX);
}

/** Returns how long a request takes of late, after one more. */
export function withRequest(requestMs: number | null, durationMs: number): number {
  return requestMs === null ? durationMs : requestMs * 0.9 + durationMs * 0.1;
}
