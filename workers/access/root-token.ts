/** Root token: one or two secrets of the deployment, compared by their digests. */

import type { Env } from '../../durable-objects/env.ts';
import { digestOf, isSameDigest } from './digest.ts';

/** What the variable said, and its digests: it does not change while an isolate lives, except in tests. */
let known: { text: string; digests: Uint8Array[] } = { text: '', digests: [] };

export function hasRootToken(env: Env): boolean {
  return secretsOf(env).length > 0;
}

/** True for a broker of one's own machine that has no root token. */
export function isOpenToAll(env: Env): boolean {
  return env.POSTHORN_ANONYMOUS === 'loopback' && !hasRootToken(env);
}

/** Compares with every secret, whichever it is. */
export async function isRootToken(env: Env, digest: Uint8Array): Promise<boolean> {
  const text = env.POSTHORN_ROOT_TOKEN ?? '';
  if (known.text !== text) known = { text, digests: await Promise.all(secretsOf(env).map(digestOf)) };
  let isOne = false;
  for (const secret of known.digests) isOne = isSameDigest(secret, digest) || isOne;
  return isOne;
}

function secretsOf(env: Env): string[] {
  return (env.POSTHORN_ROOT_TOKEN ?? '')
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
}
