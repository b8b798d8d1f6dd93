/** What may be called on the directory: the namespaces and tokens of the deployment. */

import type { Namespace } from '../../core/access/namespace.ts';
import type { Quotas } from '../../core/access/quotas/quotas.ts';
import type { KeptSecret, Token } from '../../core/access/token.ts';
import type { Failure } from '../../protocol/errors.ts';

/** What routers may have in their caches and is not true any more. */
export interface DirectoryChange {
  readonly kind: 'token' | 'namespace';
  /** The id of a token, the name of a namespace. */
  readonly name: string;
}

export interface CaughtUp {
  version: number;
  /** Since the version that was asked about; null: too long ago to say, so everything. */
  changes: DirectoryChange[] | null;
}

/** Uses of a token: the hour of the last one, as when it began, in ms. */
export interface TokenUse {
  id: string;
  hourMs: number;
}

/** `next` is what the page after it begins after; null: this is the last one. */
export interface DirectoryPage<Item> {
  items: Item[];
  next: string | null;
}

export interface DirectoryMethods extends Rpc.DurableObjectBranded {
  /** The token with its namespace, in one call, because a check needs both. */
  token(id: string): { token: Token | null; namespace: Namespace | null; version: number };
  tokens(namespace: string | null, after: string, limit: number): DirectoryPage<Token>;
  makeToken(token: Token): Token | Failure;
  rotateToken(
    id: string,
    secret: KeptSecret,
    previousUntilMs: number,
  ): { token: Token; version: number } | Failure;
  /** As it was, if it was revoked already. */
  revokeToken(id: string): { token: Token; version: number } | Failure;

  /** A random key, which is made when it is first asked for and never changes. */
  loginKey(): string;

  namespace(name: string): { namespace: Namespace | null; version: number };
  namespaces(after: string, limit: number): DirectoryPage<Namespace>;
  /** @param quotas those that it shall have; undefined: as they are */
  putNamespace(
    name: string,
    quotas: Quotas | undefined,
  ): Promise<{ namespace: Namespace; isNew: boolean; version: number } | Failure>;
  changeNamespace(name: string, quotas: Quotas): Promise<{ namespace: Namespace; version: number } | Failure>;

  /** Notes the cost ceiling, after the topology has taken it. */
  noteCeiling(name: string, rowsPerHour: number | null): number;
  /** Begins to delete it, or goes on: its objects are freed after the answer. */
  deleteNamespace(name: string): { namespace: Namespace; version: number } | Failure;

  /** Also writes down which tokens were used: at most a row for each token and hour. */
  catchUp(version: number, uses: readonly TokenUse[]): CaughtUp;
  /** Writes a row to see that it can. @returns when it was written, in ms */
  probeStorage(): number;
  /** Runs due tasks. The watchdog calls it in case an alarm was lost. */
  tick(): void;
}
