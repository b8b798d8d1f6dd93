/** One request to the endpoint of a subscription. What follows from its outcome is for core/subscription to say. */

import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import { checkWebhookUrl } from '../../core/webhook/address.ts';
import type { JudgedOutcome } from '../../core/subscription/push-verdict.ts';
import { retryAfterMs } from '../../core/webhook/attempt.ts';
import { PUSH_REPLY_BYTES_MAX } from '../../protocol/schemas/subscriptions.ts';
import { VERSION } from '../../protocol/version.ts';
import type { Env } from '../env.ts';
import { mayCallAnywhere } from '../webhook/send-webhook.ts';
import { signedHeaders } from '../webhook/sign.ts';
import type { PushBody } from './push-body.ts';

const TIMED_OUT = 'no reply in time';

/** How long the rest of a reply may take that has accepted a message, in ms: then its connection can be used again. */
const REST_MS = 1_000;

/** `reply`: the beginning of one that was no success, as text; null: there was none. */
export type PushOutcome = JudgedOutcome & { reply: string | null };

export interface PushRequest extends PushBody {
  id: string;
  /** Which attempt it is for its first message. */
  attempt: number;
  /** The value of the header; null: there is none. */
  authorization: string | null;
}

/** Never throws. Redirects are not followed: they could lead where the address itself may not. */
export async function sendPush(
  env: Pick<Env, 'POSTHORN_WEBHOOK_TARGETS'>,
  { namespace, name, config, secret, nextSecret }: SubscriptionDefinition,
  { id, attempt, headers, body, authorization }: PushRequest,
  now: () => number,
): Promise<PushOutcome> {
  if (!('url' in config.target)) throw new Error('the target has no address');
  const { url } = config.target;
  const refused = checkWebhookUrl(url, mayCallAnywhere(env), 'target.url');
  if (refused) return { error: refused.message, reply: null }; // it was allowed when it was declared
  const nowMs = now();
  // Not `AbortSignal.timeout`, whose timer would keep the object in memory after the reply.
  const abort = new AbortController();
  const endIn = (ms: number) => setTimeout(() => abort.abort(new Error(TIMED_OUT)), ms);
  let timer = endIn(config.reply_timeout_ms);
  try {
    const secrets = nextSecret === null ? [secret] : [secret, nextSecret];
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...config.headers,
        ...headers,
        'user-agent': `Posthorn/${VERSION}`,
        'posthorn-namespace': namespace,
        'posthorn-subscription': name,
        'posthorn-attempt': String(attempt),
        ...(authorization !== null && { authorization }),
        ...(await signedHeaders(secrets, id, Math.floor(nowMs / 1_000), body)),
      },
      body: body as Uint8Array<ArrayBuffer>,
      redirect: 'manual',
      signal: abort.signal,
    });
    const { status } = response;
    const reading = beginningOf(response);
    const isAccepted = status >= 200 && status < 300; // nobody waits for what it has to say then
    if (isAccepted) {
      clearTimeout(timer);
      timer = endIn(REST_MS);
      void reading.finally(() => clearTimeout(timer));
    }
    const reply = isAccepted ? null : await reading.finally(() => clearTimeout(timer));
    return { status, retryAfterMs: retryAfterMs(response.headers.get('retry-after'), nowMs), reply };
  } catch (error) {
    clearTimeout(timer);
    const isLate = abort.signal.aborted;
    return { error: isLate ? `no reply within ${config.reply_timeout_ms} ms` : wordsOf(error), reply: null };
  }
}

/** Reads what is kept of a body, so that its connection can be used again, and gives up the rest. Never rejects. */
export async function beginningOf(
  { body }: Response,
  bytesMax = PUSH_REPLY_BYTES_MAX,
): Promise<string | null> {
  if (body === null) return null;
  const bytes = new Uint8Array(bytesMax);
  let length = 0;
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  try {
    while (length < bytes.length) {
      const { done, value } = await reader.read();
      if (done) return textOf(bytes.subarray(0, length));
      const part = value.subarray(0, bytes.length - length);
      bytes.set(part, length);
      length += part.length;
    }
    await reader.cancel();
  } catch {
    // Half a reply: what there is has come.
  }
  return textOf(bytes.subarray(0, length));
}

function textOf(bytes: Uint8Array): string | null {
  return bytes.length === 0 ? null : new TextDecoder().decode(bytes);
}

function wordsOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  // A name that does not resolve, and a certificate that nobody signed, are internal errors of the runtime.
  return words === '' || words.startsWith('internal error') ? 'the endpoint could not be reached' : words;
}
