/** Sessions: makes and checks the credentials that stand for a token for a while. */

import type { Identity } from '../../../core/access/identity.ts';
import {
  endOfSession,
  readSession,
  sessionText,
  type SessionCredential,
} from '../../../core/access/login/session-credential.ts';
import { identityOf, type Token } from '../../../core/access/token.ts';
import type { Env } from '../../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { isSameDigest } from '../digest.ts';
import { noteUse } from '../directory-cache.ts';
import { lookUpLimited } from '../unknown-tokens.ts';
import { base64UrlOf, signersOf, type Signer } from './login-key.ts';

const encoder = new TextEncoder();

/** Returns a credential for one of the secrets of a token. */
export async function makeSession(
  env: Env,
  token: Token,
  isPrevious: boolean,
  nowMs: number,
): Promise<{ credential: string; endsMs: number }> {
  const untilMs = isPrevious ? token.previous!.untilMs : null;
  const endsMs = endOfSession(nowMs, [token.expiresMs, untilMs]);
  const text = sessionText(token.id, endsMs);
  const [signer] = await signersOf(env);
  const digest = isPrevious ? token.previous!.digest : token.digest;
  return { credential: `${text}_${await signatureOf(signer, text, digest)}`, endsMs };
}

/** Returns the identity of the token that a credential stands for; null for what is none. */
export async function identityBySession(
  env: Env,
  credential: string,
  address: string,
  nowMs: number,
): Promise<Identity | Failure | null> {
  const session = readSession(credential);
  if (session === null) return null;
  const { id, endsMs } = session;
  if (endsMs <= nowMs) return failure('unauthenticated', 'the session has ended: log in again');
  const known = await lookUpLimited(env, id, address, nowMs);
  if (known === null || isFailure(known)) return known;
  const { token } = known;
  const digest = await digestBehind(env, credential, session, [token.digest, token.previous?.digest]);
  if (digest === null) return null;
  const identity = identityOf(token, digest !== token.digest, nowMs);
  if (isFailure(identity)) return identity;
  noteUse(token, nowMs);
  return { ...identity, expiresMs: endsMs };
}

/** The digests by which credentials were found to be signed, with the root tokens of then; the oldest goes. */
const proven = new Map<string, string>();
const PROVEN_MAX = 1_000;

/** Returns which of the digests the credential was signed with; null if it was with none. A client sends it with each call. */
async function digestBehind(
  env: Env,
  credential: string,
  { text, signature }: SessionCredential,
  digests: readonly (string | undefined)[],
): Promise<string | null> {
  const key = `${credential} ${env.POSTHORN_ROOT_TOKEN}`;
  const known = proven.get(key);
  if (known !== undefined) return digests.includes(known) ? known : null;
  const shown = encoder.encode(signature);
  for (const signer of await signersOf(env)) {
    for (const digest of digests) {
      if (digest === undefined) continue;
      if (!isSameDigest(encoder.encode(await signatureOf(signer, text, digest)), shown)) continue;
      if (proven.size >= PROVEN_MAX) proven.delete(proven.keys().next().value!);
      proven.set(key, digest);
      return digest;
    }
  }
  return null;
}

async function signatureOf(signer: Signer, text: string, digest: string): Promise<string> {
  return base64UrlOf(await signer(text, 'session', digest));
}
