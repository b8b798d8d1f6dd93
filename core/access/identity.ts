/** Identity: who makes a call, and the refusal of a call that the identity does not allow. */

import type { Action, Need, Scope } from '../../protocol/access/scopes.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { WIDE_NAME_BYTES_MAX } from '../../protocol/limits.ts';
import { isKeptFromOthers } from './audit-topic.ts';
import type { Quotas } from './quotas/quotas.ts';
import { allows, allowsSome } from './scopes.ts';

export interface Identity {
  /**
   * `root`: everything. `anonymous`: everything too, on a broker of one's own machine that has no root token. `hook`: the sender of
   * a webhook, who may write to the target of the hook.
   */
  readonly kind: 'root' | 'anonymous' | 'token' | 'jwt' | 'hook';
  /** The id of the token, the subject of a JWT, the name of the hook, `root` or `anonymous`. Stands in logs and audits. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  /** The only namespace that it is good for; null: all. */
  readonly namespace: string | null;
  readonly scopes: readonly Scope[];
  /** Null: never. */
  readonly expiresMs: number | null;
  /** Of a token, besides those of its namespace. */
  readonly quotas?: Quotas;
}

const EVERYTHING: readonly Scope[] = [
  { kind: '*', name: '*', actions: ['read', 'write', 'manage', 'metrics'] },
];

export const ROOT: Identity = {
  kind: 'root',
  id: 'root',
  name: 'root',
  namespace: null,
  scopes: EVERYTHING,
  expiresMs: null,
};

/** Of a request whose signature or proof has not been verified yet. */
export const UNSIGNED: Identity = {
  kind: 'hook',
  id: '',
  name: '',
  namespace: null,
  scopes: [],
  expiresMs: null,
};

export const ANONYMOUS: Identity = { ...ROOT, kind: 'anonymous', id: 'anonymous', name: 'anonymous' };

/** Returns true for an identity that may do what only the root token may. */
export function isRoot({ kind }: Identity): boolean {
  return kind === 'root' || kind === 'anonymous';
}

/** Returns why the identity may not do what is needed in the namespace; null if it may. */
export function refuseNeed(identity: Identity, namespace: string, need: Need): Failure | null {
  if (isRoot(identity)) return null;
  if (isKeptFromOthers(need.kind, need.name, need.action)) return missing(need);
  return refuseNamespace(identity, namespace) ?? (allows(identity.scopes, need) ? null : missing(need));
}

/** Returns why the identity may do the action on nothing at all; null if there is something. */
export function refuseSome(identity: Identity, action: Action): Failure | null {
  if (isRoot(identity) || allowsSome(identity.scopes, action)) return null;
  return failure('forbidden', `this needs the right to ${action} something`, { needs: `*:?:${action}` });
}

/** Returns why the identity may do nothing in the namespace; null if it may do what its scopes allow. */
export function refuseNamespace(identity: Identity, namespace: string): Failure | null {
  if (identity.namespace === null || identity.namespace === namespace) return null;
  return failure('forbidden', `the credential is good for namespace "${identity.namespace}" only`);
}

export function refuseRoot(identity: Identity): Failure | null {
  return isRoot(identity) ? null : failure('forbidden', 'this needs the root token', { needs: 'root' });
}

/** Names the scope that is missing. A name from a request may be long. */
function missing({ kind, name, action }: Need): Failure {
  const needs = `${kind}:${name.slice(0, WIDE_NAME_BYTES_MAX)}:${action}`;
  return failure('forbidden', `the credential does not allow ${needs}`, { needs });
}
