/**
 * Signatures as the Standard Webhooks specification says: HMAC-SHA256 over `id.timestamp.body`, with the bytes that the
 * secret stands for, as `v1,` and base64. Two secrets make two signatures with a space between.
 */

import { concatenate } from '../../protocol/bytes.ts';
import { WEBHOOK_SECRET_PREFIX } from '../../protocol/schemas/webhooks.ts';

export interface SignedHeaders {
  'webhook-id': string;
  /** Seconds since 1970. */
  'webhook-timestamp': string;
  'webhook-signature': string;
}

const encoder = new TextEncoder();

/** @param secrets `whsec_` and base64, each */
export async function signedHeaders(
  secrets: string | readonly string[],
  id: string,
  timestampS: number,
  body: string | Uint8Array,
): Promise<SignedHeaders> {
  const bytes = typeof body === 'string' ? encoder.encode(body) : body;
  const content = concatenate([encoder.encode(`${id}.${timestampS}.`), bytes]) as Uint8Array<ArrayBuffer>;
  const signatures = [secrets].flat().map(async (secret) => {
    const mac = await crypto.subtle.sign('HMAC', await keyOf(secret), content);
    return `v1,${base64Of(new Uint8Array(mac))}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': (await Promise.all(signatures)).join(' '),
  };
}

/** Of 32 bytes, as the specification recommends. */
export function newWebhookSecret(): string {
  return WEBHOOK_SECRET_PREFIX + base64Of(crypto.getRandomValues(new Uint8Array(32)));
}

/** Keys of late, by secret. Never promises of keys: one that waits belongs to the object that began it. */
const keys = new Map<string, CryptoKey>();
const KEYS_MAX = 100;

async function keyOf(secret: string): Promise<CryptoKey> {
  const known = keys.get(secret);
  if (known) return known;
  const key = await importKey(secret);
  if (keys.size >= KEYS_MAX) keys.clear();
  keys.set(secret, key);
  return key;
}

function importKey(secret: string): Promise<CryptoKey> {
  const bytes = bytesOf(secret.slice(WEBHOOK_SECRET_PREFIX.length));
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}

function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
