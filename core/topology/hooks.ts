/** Hook definitions: what a declaration makes. */

import { failure, type Failure } from '../../protocol/errors.ts';
import { WEBHOOK_SECRET_PREFIX } from '../../protocol/schemas/webhooks.ts';
import type { HookDeclaration } from '../../protocol/schemas/hooks.ts';

/** The declaration without its secrets. */
export type HookConfig = Omit<HookDeclaration, 'secret' | 'next_secret'>;

export interface HookDefinition {
  readonly name: string;
  /** The version of the topology that changed it last. */
  readonly version: number;
  readonly config: HookConfig;
  readonly secret: string;
  readonly nextSecret: string | null;
}

/** Creates or replaces a hook. Returns the same object if nothing changes. Secrets that are left out stay. */
export function declareHook(
  existing: HookDefinition | null,
  name: string,
  declaration: HookDeclaration,
  nextVersion: number,
  newSecret: string,
): { definition: HookDefinition; madeSecret: boolean } {
  const { secret, next_secret: nextSecret, ...config } = declaration;
  const made: HookDefinition = {
    name,
    version: nextVersion,
    config,
    secret: secret ?? existing?.secret ?? newSecret,
    nextSecret: nextSecret === undefined ? (existing?.nextSecret ?? null) : nextSecret,
  };
  const isSame =
    existing !== null &&
    JSON.stringify({ ...existing, version: 0 }) === JSON.stringify({ ...made, version: 0 });
  return { definition: isSame ? existing : made, madeSecret: made.secret === newSecret };
}

/** Returns what is wrong with a declaration that its schema cannot say; null: nothing. */
export function hookProblem(
  { target, scheme, signature, secret, next_secret: next }: HookDeclaration,
  existing: Pick<HookDefinition, 'secret' | 'nextSecret'> | null,
): Failure | null {
  if ((scheme === 'hmac') !== (signature !== undefined))
    return failure(
      'invalid_field',
      'body signature: the scheme `hmac` needs it, and the other schemes have their own',
    );
  if (signature !== undefined) {
    for (const part of ['timestamp', 'id'] as const) {
      const isSigned = signature.signed.includes(`{${part}}`);
      if (isSigned && signature[`${part}_header`] === undefined)
        return failure('invalid_field', `body signature.signed: {${part}} needs ${part}_header`);
    }
    // A time that is not signed is any time that whoever repeats the request wants.
    if (signature.timestamp_header !== undefined && !signature.signed.includes('{timestamp}'))
      return failure('invalid_field', 'body signature.timestamp_header: `signed` has to have {timestamp}');
  }
  if ('debezium' in target && target.debezium.tombstones && target.debezium.key === undefined)
    return failure('invalid_field', 'body target.debezium.tombstones: needs `key`');
  if (scheme !== 'standard') return null;
  const secrets = [
    ['secret', secret ?? existing?.secret],
    ['next_secret', next === undefined ? existing?.nextSecret : next],
  ] as const;
  const wrong = secrets.find(([, one]) => typeof one === 'string' && !isStandardSecret(one));
  if (wrong === undefined) return null;
  return failure(
    'invalid_field',
    `body ${wrong[0]}: Standard Webhooks have secrets of ${WEBHOOK_SECRET_PREFIX} and padded base64`,
  );
}

function isStandardSecret(text: string): boolean {
  const base64 = text.slice(WEBHOOK_SECRET_PREFIX.length);
  if (!text.startsWith(WEBHOOK_SECRET_PREFIX) || base64.length % 4 !== 0) return false;
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64);
}
