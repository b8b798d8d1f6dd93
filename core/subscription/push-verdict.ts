/** Push verdict: what follows from the outcome of a request to an endpoint, for its messages and for the endpoint. */

import type { WebhookOutcome } from '../webhook/attempt.ts';

export type PushVerdict =
  /** Accepted: its messages are done. */
  | { kind: 'accepted' }
  /** An attempt of its messages has failed. `isDown`: the endpoint may be at fault, and its breaker counts it. */
  | { kind: 'failed'; error: string; isDown: boolean; delayMs: number | null }
  /** The endpoint asks to wait. Its messages go back, and nothing counts as an attempt of theirs. */
  | { kind: 'later'; error: string; delayMs: number | null }
  /** The endpoint wants nothing any more. */
  | { kind: 'gone'; error: string };

/** Statuses that say that the address or its credential is wrong, and nothing of a message. */
const OF_ENDPOINT = new Set([401, 403, 404, 405, 407, 408]);

export function judgePush(outcome: WebhookOutcome): PushVerdict {
  if ('error' in outcome) return { kind: 'failed', error: outcome.error, isDown: true, delayMs: null };
  const { status, retryAfterMs: delayMs } = outcome;
  if (status >= 200 && status < 300) return { kind: 'accepted' };
  const error = `the endpoint answered ${status}`;
  if (status === 410) return { kind: 'gone', error };
  if (status === 429 || (status === 503 && delayMs !== null)) return { kind: 'later', error, delayMs };
  if (status >= 300 && status < 400)
    return { kind: 'failed', error: `${error}: redirects are not followed`, isDown: true, delayMs };
  return { kind: 'failed', error, isDown: status >= 500 || OF_ENDPOINT.has(status), delayMs };
}
