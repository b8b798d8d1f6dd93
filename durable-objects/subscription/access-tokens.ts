/**
 * Access tokens of a subscription: gets one by client credentials (RFC 6749, section 4.4), and keeps it in memory until it is about
 * to expire, or the endpoint refuses it.
 */

import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import { checkWebhookUrl } from '../../core/webhook/address.ts';
import type { OAuthClient } from '../../protocol/schemas/subscriptions.ts';
import type { Env } from '../env.ts';
import { mayCallAnywhere } from '../webhook/send-webhook.ts';
import { beginningOf } from './send-push.ts';

/** How long the server of tokens may take, in ms. */
const TIMEOUT_MS = 10_000;

/** Of its reply: a token of 16 KiB fits in no header. */
const REPLY_BYTES_MAX = 32 * 1024;

/** Of a token without a time, and the longest that one is kept, in ms. */
const LIFE_MS_DEFAULT = 300_000;
const LIFE_MS_MAX = 86_400_000;

/** Before it expires: a request that has it may take so long, in ms. */
const MARGIN_MS = 30_000;

const TOKEN = /^[!-~]{1,16384}$/;

interface Kept {
  authorization: string;
  untilMs: number;
}

type AskingEnv = Pick<Env, 'POSTHORN_WEBHOOK_TARGETS'>;

export class AccessTokens {
  readonly #env: AskingEnv;
  readonly #now: () => number;
  /** The client that the token was given to: a changed one gets another. */
  #client = '';
  #kept: Kept | null = null;
  #asking: Promise<Kept> | null = null;

  constructor(env: AskingEnv, now: () => number) {
    this.#env = env;
    this.#now = now;
  }

  /** Returns the value of the header `authorization`; null: there is none. It rejects with the reason if no token could be had. */
  async authorization({ oauth, authorization }: SubscriptionDefinition): Promise<string | null> {
    if (!oauth) return authorization;
    const client = JSON.stringify(oauth);
    if (client !== this.#client) {
      this.#client = client;
      this.#kept = this.#asking = null;
    }
    if (this.#kept && this.#kept.untilMs > this.#now()) return this.#kept.authorization;
    const asking = (this.#asking ??= this.#ask(oauth));
    try {
      const kept = await asking;
      if (this.#asking === asking) this.#kept = kept;
      return kept.authorization;
    } finally {
      if (this.#asking === asking) this.#asking = null;
    }
  }

  /** The endpoint has refused a token: the next request gets another one, unless one was got since. */
  refused(authorization: string | null): void {
    if (this.#kept?.authorization === authorization) this.#kept = null;
  }

  async #ask(client: OAuthClient): Promise<Kept> {
    const { token_url: url, client_id: id, client_secret: secret, scope, audience } = client;
    const wrong = checkWebhookUrl(url, mayCallAnywhere(this.#env), 'oauth.token_url');
    if (wrong) throw new Error(wrong.message);
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope !== undefined && { scope }),
      ...(audience !== undefined && { audience }),
    });
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          authorization: `Basic ${btoa(`${formEncoded(id)}:${formEncoded(secret)}`)}`,
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
        body: form.toString(),
        redirect: 'manual',
        signal: abort.signal,
      });
      const text = await beginningOf(response, REPLY_BYTES_MAX);
      if (response.status !== 200) throw new Error(`it answered ${response.status}`);
      return keptOf(text, this.#now());
    } catch (error) {
      const why = abort.signal.aborted ? `no reply within ${TIMEOUT_MS} ms` : wordsOf(error);
      throw new Error(`no token from ${new URL(url).host}: ${why}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

function keptOf(text: string | null, nowMs: number): Kept {
  let reply: { access_token?: unknown; token_type?: unknown; expires_in?: unknown } | null;
  try {
    reply = JSON.parse(text ?? '') as typeof reply;
  } catch {
    throw new Error('its reply is no JSON');
  }
  const { access_token: token, token_type: type, expires_in: seconds } = reply ?? {};
  if (typeof token !== 'string' || !TOKEN.test(token)) throw new Error('its reply has no access_token');
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer'))
    throw new Error('its token is no bearer token');
  const lifeMs = Number(seconds) > 0 ? Math.min(Number(seconds) * 1_000, LIFE_MS_MAX) : LIFE_MS_DEFAULT;
  return { authorization: `Bearer ${token}`, untilMs: nowMs + Math.max(lifeMs - MARGIN_MS, lifeMs / 2) };
}

/** As section 2.3.1 of the RFC wants names and secrets. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function wordsOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return words === '' || words.startsWith('internal error') ? 'it could not be reached' : words;
}
