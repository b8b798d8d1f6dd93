/** Root token: compared by digests with the secrets of the deployment. */

import type { Env } from '../../durable-objects/env.ts';
import { rootSecretsOf } from '../http/identity/root-secrets.ts';
import { digestOf, isSameDigest } from './digest.ts';

/** What the variable said, and its digests: it does not change while an isolate lives, except in tests. */
let known: { text: string; digests: Uint8Array[] } = { text: '', digests: [] };

/** At least this, so that the time of a refusal tells nothing about how long usual secrets are. */
const LENGTH_MAX_LEAST = 256;

/** Returns how long a credential can be that is a root token, or a token of the broker. */
export function secretLengthMax(env: Env): number {
  return Math.max(LENGTH_MAX_LEAST, ...rootSecretsOf(env).map(({ length }) => length));
}

/** Compares with every secret, whichever it is. */
export async function isRootToken(env: Env, digest: Uint8Array): Promise<boolean> {
  const text = env.POSTHORN_ROOT_TOKEN ?? '';
  if (known.text !== text) known = { text, digests: await Promise.all(rootSecretsOf(env).map(digestOf)) };
  let isOne = false;
  for (const secret of known.digests) isOne = isSameDigest(secret, digest) || isOne;
  return isOne;
}
