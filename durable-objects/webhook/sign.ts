/**
 * Signatures as the Standard Webhooks specification says: HMAC-SHA256 over `id.timestamp.body`, with the bytes that the
 * secret stands for, as `v1,` and base64.
 */

import { WEBHOOK_SECRET_PREFIX } from '../../protocol/schemas/webhooks.ts';

export interface SignedHeaders {
  'webhook-id': string;
  /** Seconds since 1970. */
  'webhook-timestamp': string;
  'webhook-signature': string;
}

const encoder = new TextEncoder();

/** @param secret `whsec_` and base64 */
export async function signedHeaders(
  secret: string,
  id: string,
  timestampS: number,
  body: string,
): Promise<SignedHeaders> {
  const bytes = bytesOf(secret.slice(WEBHOOK_SECRET_PREFIX.length));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(`${id}.${timestampS}.${body}`));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': `v1,${base64Of(new Uint8Array(mac))}`,
  };
}

/** Of 32 bytes, as the specification recommends. */
export function newWebhookSecret(): string {
  return WEBHOOK_SECRET_PREFIX + base64Of(crypto.getRandomValues(new Uint8Array(32)));
}

function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
