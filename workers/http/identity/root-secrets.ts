/** Root secrets: the root tokens of the deployment, and whether it does without. */

import type { Env } from '../../../durable-objects/env.ts';

/** One, or two while it is changed. */
export function rootSecretsOf({ POSTHORN_ROOT_TOKEN: text = '' }: Env): string[] {
  return text
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
}

/** Returns true for a broker of one's own machine that has no root token: its calls need no credential. */
export function isOpenToAll(env: Env): boolean {
  return env.POSTHORN_ANONYMOUS === 'loopback' && rootSecretsOf(env).length === 0;
}
