/**
 * Webhook attempts: what follows one. The notice is done, tried again at some time, or given up. All failures are tried
 * again until the time to give up, because a receiver that answers 404 or 401 is most often one that is being put
 * right; 410 alone says that nobody wants it any more.
 */

export interface WebhookRetryPolicy {
  /** The delay after the first failure, in ms; each is `factor` times the one before. */
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
  /** The share of a delay that is left to chance, so that receivers that were down are not met by all at once. */
  readonly jitter: number;
  /** After the first attempt, in ms: what has not been delivered by then is given up. */
  readonly giveUpAfterMs: number;
}

export const WEBHOOK_RETRIES: WebhookRetryPolicy = {
  baseMs: 5_000,
  factor: 2,
  maxMs: 600_000,
  jitter: 0.2,
  giveUpAfterMs: 86_400_000,
};

/** What an attempt came to: a status with what `Retry-After` asked for, or no reply at all. */
export type WebhookOutcome =
  | { readonly status: number; readonly retryAfterMs: number | null }
  | { readonly error: string };

export type WebhookVerdict =
  | { kind: 'delivered' }
  | { kind: 'retry'; atMs: number }
  | { kind: 'given_up'; reason: string };

/**
 * @param attempts those made, this one included
 * @param random from 0 to below 1
 */
export function judgeAttempt(
  outcome: WebhookOutcome,
  { attempts, firstMs }: { attempts: number; firstMs: number },
  { nowMs, random }: { nowMs: number; random: number },
  policy: WebhookRetryPolicy = WEBHOOK_RETRIES,
): WebhookVerdict {
  if ('status' in outcome) {
    if (outcome.status >= 200 && outcome.status < 300) return { kind: 'delivered' };
    if (outcome.status === 410) return { kind: 'given_up', reason: 'the receiver answered 410 Gone' };
  }
  const full = Math.min(policy.baseMs * policy.factor ** (attempts - 1), policy.maxMs);
  const asked = 'status' in outcome ? (outcome.retryAfterMs ?? 0) : 0;
  const atMs = nowMs + Math.max(asked, Math.round(full * (1 - policy.jitter * random)));
  if (atMs <= firstMs + policy.giveUpAfterMs) return { kind: 'retry', atMs };
  const last = 'status' in outcome ? `the receiver answered ${outcome.status}` : outcome.error;
  return { kind: 'given_up', reason: `${last}, and the time for attempts is over` };
}

/** `Retry-After` in ms: seconds, or a date (RFC 9110, section 10.2.3); null if it says neither. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const at = header.endsWith(' GMT') ? Date.parse(header) : NaN; // without it almost any text is some date
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}
