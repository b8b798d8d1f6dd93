/**
 * Token: what the broker keeps of one, and the rules for making, using and changing it. The secret is not among it, only
 * its SHA-256.
 */

import { SCOPES_OF_ROLE, type Role, type Scope } from '../../protocol/access/scopes.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import type { Identity } from './identity.ts';
import type { ScramVerifier } from './login/scram.ts';
import { exceeds, type Quotas } from './quotas/quotas.ts';
import { isRoot } from './identity.ts';
import { covers } from './scopes.ts';

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  /** With those that the roles stand for. */
  readonly scopes: readonly Scope[];
  readonly roles: readonly Role[];
  readonly createdMs: number;
  /** The id of the identity that made it. */
  readonly createdBy: string;
  /** Null: never. */
  readonly expiresMs: number | null;
  /** SHA-256 of the whole token, in hexadecimal. */
  readonly digest: string;
  /** Of the secret. Absent: it was made before there was SCRAM. */
  readonly scram?: ScramVerifier;
  /** Of the former secret, which is good until a time; null: there is none. */
  readonly previous: {
    readonly digest: string;
    readonly untilMs: number;
    readonly scram?: ScramVerifier;
  } | null;
  readonly rotatedMs: number | null;
  readonly revokedMs: number | null;
  /** The hour of its last use, as when it began; null: never. */
  readonly lastUsedMs: number | null;
  /** Besides those of its namespace. */
  readonly quotas?: Quotas;
}

/** What is kept of a secret. */
export type KeptSecret = Required<Pick<Token, 'digest' | 'scram'>>;

const HOUR_MS = 3_600_000;

/** Returns the scopes and those that the roles stand for. */
export function scopesOf(scopes: readonly Scope[], roles: readonly Role[]): Scope[] {
  return [...scopes, ...roles.flatMap((role) => SCOPES_OF_ROLE[role])];
}

/** Returns the identity of who shows a secret with this digest, or why it is nobody any more. */
export function identityOf(token: Token, isPrevious: boolean, nowMs: number): Identity | Failure {
  if (token.revokedMs !== null) return gone('was revoked');
  if (token.expiresMs !== null && token.expiresMs <= nowMs) return gone('has expired');
  if (isPrevious && (token.previous === null || token.previous.untilMs <= nowMs))
    return gone('has another secret since it was rotated');
  const { id, name, namespace, scopes, expiresMs, quotas } = token;
  return { kind: 'token', id, name, namespace, scopes, expiresMs, ...(quotas && { quotas }) };
}

/** Said only to who has shown the secret. */
function gone(why: string): Failure {
  return failure('unauthenticated', `the token ${why}`);
}

/** Returns why the maker may not give out such scopes, until that time; null if it may. Nobody gives more than it has. */
export function refuseGrant(
  maker: Identity,
  { scopes, expiresMs, quotas }: Pick<Token, 'scopes' | 'expiresMs' | 'quotas'>,
): Failure | null {
  if (isRoot(maker)) return null;
  const more = scopes.find((scope) => !covers(maker.scopes, [scope]));
  if (more) {
    return failure('forbidden', 'a token may not have more rights than the one that makes or rotates it', {
      needs: `${more.kind}:${more.name}:${more.actions.join(',')}`,
    });
  }
  if (exceeds(quotas, maker.quotas))
    return failure('forbidden', 'a token may not have larger quotas than the one that makes or rotates it');
  if (maker.expiresMs === null || (expiresMs !== null && expiresMs <= maker.expiresMs)) return null;
  return failure('forbidden', 'a token may not live longer than the one that makes or rotates it');
}

/** Returns the token with another secret. The former one stays good until `previousUntilMs`. */
export function rotated(
  token: Token,
  secret: KeptSecret,
  previousUntilMs: number,
  nowMs: number,
): Token | Failure {
  if (token.revokedMs !== null) return failure('token_revoked', `token "${token.id}" was revoked`);
  if (token.previous !== null && token.previous.untilMs > nowMs) {
    return failure('token_rotating', `the former secret of token "${token.id}" is still good`, {
      previous_expires_at: token.previous.untilMs,
    });
  }
  const { digest, scram } = token;
  const former = { digest, untilMs: previousUntilMs, ...(scram && { scram }) };
  return { ...token, ...secret, previous: previousUntilMs > nowMs ? former : null, rotatedMs: nowMs };
}

/** Returns when the hour of a use began. */
export function hourOfUse(nowMs: number): number {
  return Math.floor(nowMs / HOUR_MS) * HOUR_MS;
}
