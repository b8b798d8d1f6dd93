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

/** Why an attempt failed, as a dead letter says it. */
export interface PushFailure {
  error: { type: string; message: string; stack_trace?: string };
  /** When the endpoint wants the next attempt; null: it did not say. */
  delayMs: number | null;
}

/** Statuses that say that the address or its credential is wrong, and nothing of a message. */
const OF_ENDPOINT = new Set([401, 403, 404, 405, 407, 408]);

/** `Loop Detected`: the message was handed on too often, and says nothing of where it goes. */
export const LOOP_STATUS = 508;

export function judgePush(outcome: WebhookOutcome): PushVerdict {
  if ('error' in outcome) return { kind: 'failed', error: outcome.error, isDown: true, delayMs: null };
  const { status, retryAfterMs: delayMs } = outcome;
  if (status >= 200 && status < 300) return { kind: 'accepted' };
  const error = `the endpoint answered ${status}`;
  if (status === 410) return { kind: 'gone', error };
  if (status === 429 || (status === 503 && delayMs !== null)) return { kind: 'later', error, delayMs };
  if (status >= 300 && status < 400)
    return { kind: 'failed', error: `${error}: redirects are not followed`, isDown: true, delayMs };
  return {
    kind: 'failed',
    error,
    isDown: (status >= 500 && status !== LOOP_STATUS) || OF_ENDPOINT.has(status),
    delayMs,
  };
}

/** Statuses by which a gateway says that the endpoint is not there. */
const OF_GATEWAY = new Set([502, 503, 504]);

/** Returns whether nobody was there who could have refused the message. */
export function isAbsent(outcome: WebhookOutcome): boolean {
  return 'error' in outcome || OF_GATEWAY.has(outcome.status);
}

/** @param outcome with the beginning of the reply, if there was one */
export function failureOf(
  { error: message, delayMs }: Extract<PushVerdict, { kind: 'failed' }>,
  outcome: WebhookOutcome & { reply: string | null },
): PushFailure {
  const type = 'status' in outcome ? `http_${outcome.status}` : 'no_reply';
  const { reply } = outcome;
  return { error: { type, message, ...(reply !== null && { stack_trace: reply }) }, delayMs };
}
