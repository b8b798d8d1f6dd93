/** Verification of webhooks: computes the HMAC by each secret, and compares in constant time. */

import type { SignatureParts } from '../../../core/hooks/signature-parts.ts';
import type { HookDefinition } from '../../../core/topology/hooks.ts';
import { concatenate } from '../../../protocol/bytes.ts';
import { WEBHOOK_SECRET_PREFIX } from '../../../protocol/schemas/webhooks.ts';
import { isSameDigest } from '../digest.ts';

const HASHES = { sha256: 'SHA-256', sha1: 'SHA-1', sha512: 'SHA-512' } as const;

const encoder = new TextEncoder();

/** Returns true if one of the secrets made one of the signatures. It compares all of them, whichever is right. */
export async function isSignedBy(
  { secret, nextSecret, config: { scheme } }: HookDefinition,
  { signatures, hash, before, after }: SignatureParts,
  body: Uint8Array,
): Promise<boolean> {
  const content = concatenate([encoder.encode(before), body, encoder.encode(after)]);
  let isSigned = false;
  for (const one of nextSecret === null ? [secret] : [secret, nextSecret]) {
    const bytes = scheme === 'standard' ? bytesOfStandardSecret(one) : encoder.encode(one);
    const algorithm = { name: 'HMAC', hash: HASHES[hash] };
    const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign']);
    const mac = await crypto.subtle.sign('HMAC', key, content as Uint8Array<ArrayBuffer>);
    for (const signature of signatures) isSigned = isSameDigest(new Uint8Array(mac), signature) || isSigned;
  }
  return isSigned;
}

function bytesOfStandardSecret(secret: string): Uint8Array<ArrayBuffer> {
  const base64 = secret.slice(WEBHOOK_SECRET_PREFIX.length);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
