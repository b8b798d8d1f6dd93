/** Push verdict: what follows from the outcome of a request to an endpoint, for its messages and for the endpoint. */

import type { WebhookOutcome } from '../webhook/attempt.ts';
import { ASKED_MS_MAX } from './breaker.ts';
import type { RetriedMessage } from './worker-reply.ts';

/** What a Worker says of each message of a batch; absent: the status is that of all. */
export interface WorkerSettlement {
  /** The others are accepted. */
  readonly retried: readonly RetriedMessage[];
  /** Messages of the batch. */
  readonly count: number;
  /** What its handler has thrown; null: it returned. */
  readonly error: string | null;
}

export type JudgedOutcome = WebhookOutcome & { readonly worker?: WorkerSettlement };

export type PushVerdict =
  /** Accepted: its messages are done. */
  | { kind: 'accepted' }
  /** An attempt of its messages, or of those that a Worker names, has failed. `isDown`: the endpoint may be at fault, and its breaker counts it. */
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

export function judgePush(outcome: JudgedOutcome): PushVerdict {
  if (outcome.worker) return judgeWorker(outcome.worker);
  if ('error' in outcome) return { kind: 'failed', error: outcome.error, isDown: true, delayMs: null };
  const { status } = outcome;
  const delayMs = askedMs(outcome.retryAfterMs);
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

/** A time that has passed says nothing: it would have the endpoint asked again and again. */
function askedMs(retryAfterMs: number | null): number | null {
  return retryAfterMs === null || retryAfterMs <= 0 ? null : Math.min(retryAfterMs, ASKED_MS_MAX);
}

/** A handler that throws and has accepted nothing may be a Worker that does not work at all. */
function judgeWorker({ retried, count, error }: WorkerSettlement): PushVerdict {
  if (error !== null) {
    const isDown = retried.length === count;
    return { kind: 'failed', error: `the Worker threw: ${error}`, isDown, delayMs: null };
  }
  if (retried.length === 0) return { kind: 'accepted' };
  const which = count === 1 ? 'the message' : `${retried.length} of ${count} messages`;
  return { kind: 'failed', error: `the Worker wants ${which} again`, isDown: false, delayMs: null };
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
  outcome: JudgedOutcome & { reply: string | null },
): PushFailure {
  const type = typeOf(outcome);
  const { reply } = outcome;
  return { error: { type, message, ...(reply !== null && { stack_trace: reply }) }, delayMs };
}

function typeOf(outcome: JudgedOutcome): string {
  if (outcome.worker) return outcome.worker.error === null ? 'worker_retry' : 'worker_threw';
  return 'status' in outcome ? `http_${outcome.status}` : 'no_reply';
}
