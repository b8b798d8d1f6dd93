/**
 * Login key: signs what a login hands out. It is made of a random key that the directory keeps and of the root token: neither who has
 * read what is stored nor who has seen a signature can make one, or try root tokens with it.
 */

import type { Env } from '../../../durable-objects/env.ts';
import { directoryStub } from '../../../durable-objects/stubs.ts';
import { base64OfBytes } from '../../../protocol/json/json-bytes.ts';
import { rootSecretsOf } from '../../http/identity/root-secrets.ts';

const encoder = new TextEncoder();

/** It never changes. */
let stored: string | undefined;

/** Signs a text by a key of the deployment, one of its root tokens, and whatever else it depends on. */
export type Signer = (text: string, ...more: readonly string[]) => Promise<Uint8Array>;

/** Returns what signs: one for each root token, the first of which signs what is new. */
export async function signersOf(env: Env): Promise<readonly [Signer, ...Signer[]]> {
  const key = await keyOf(env);
  const [first = '', ...others] = rootSecretsOf(env);
  return [signer(key, first), ...others.map((secret) => signer(key, secret))];
}

/** Returns what signs with every root token alike. */
export async function lastingSigner(env: Env): Promise<Signer> {
  return signer(await keyOf(env), '');
}

async function keyOf(env: Env): Promise<string> {
  stored ??= await directoryStub(env).loginKey();
  return stored;
}

function signer(key: string, secret: string): Signer {
  return (text, ...more) =>
    hmac('SHA-256', encoder.encode(JSON.stringify([key, secret, ...more])), encoder.encode(text));
}

export async function hmac(hash: string, key: BufferSource, text: BufferSource): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, text));
}

export function base64UrlOf(bytes: Uint8Array): string {
  return base64OfBytes(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
