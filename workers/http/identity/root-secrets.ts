/** Root secrets: the root tokens of the deployment, and whether it does without. */

import type { Env } from '../../../durable-objects/env.ts';

let read = { text: '', secrets: [] as readonly string[] };

/** One, or two while it is changed. They are read once for each isolate. */
export function rootSecretsOf({ POSTHORN_ROOT_TOKEN: text = '' }: Env): readonly string[] {
  if (read.text !== text) {
    const secrets = text.split(',').map((secret) => secret.trim());
    read = { text, secrets: secrets.filter((secret) => secret !== '') };
  }
  return read.secrets;
}

/** Returns true for a broker of one's own machine that has no root token: its calls need no credential. */
export function isOpenToAll(env: Env): boolean {
  return env.POSTHORN_ANONYMOUS === 'loopback' && rootSecretsOf(env).length === 0;
}
