/** One attempt to deliver a webhook. What follows from its outcome is for core/webhook/attempt.ts to say. */

import { retryAfterMs, type WebhookOutcome } from '../../core/webhook/attempt.ts';
import { checkWebhookUrl } from '../../core/webhook/address.ts';
import { VERSION } from '../../protocol/version.ts';
import type { Env } from '../env.ts';
import { signedHeaders } from './sign.ts';

/** Of one attempt, until the status is there: as long as most senders of webhooks wait. */
const TIMEOUT_MS = 15_000;

export interface Webhook {
  url: string;
  /** `whsec_` and base64. */
  secret: string;
}

export interface WebhookMessage {
  /** The same for each attempt: what the receiver deduplicates by. */
  id: string;
  /** JSON. */
  body: string;
}

/** Never throws. Redirects are not followed: they could lead where the address itself may not. */
export async function sendWebhook(
  env: Pick<Env, 'POSTHORN_WEBHOOK_TARGETS'>,
  { url, secret }: Webhook,
  { id, body }: WebhookMessage,
  nowMs: number,
): Promise<WebhookOutcome> {
  const refused = checkWebhookUrl(url, mayCallAnywhere(env));
  if (refused) return { error: refused.message }; // it was allowed when the rule was made
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': `Posthorn/${VERSION}`,
        ...(await signedHeaders(secret, id, Math.floor(nowMs / 1_000), body)),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel().catch(() => {});
    return {
      status: response.status,
      retryAfterMs: retryAfterMs(response.headers.get('retry-after'), nowMs),
    };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether webhooks may go to http and to private addresses: true on one's own machine. */
export function mayCallAnywhere(env: Pick<Env, 'POSTHORN_WEBHOOK_TARGETS'>): boolean {
  return env.POSTHORN_WEBHOOK_TARGETS === 'any';
}
