/** Directory object: the namespaces and tokens of the deployment. Routers ask it what they do not know, never for each call. */

import { DurableObject } from 'cloudflare:workers';
import type { Namespace } from '../../core/access/namespace.ts';
import { rotated, type Token } from '../../core/access/token.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { Env } from '../env.ts';
import type { CaughtUp, DirectoryMethods, DirectoryPage, TokenUse } from '../rpc/directory.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import { StorageProbe } from '../storage/storage-probe.ts';
import { ChangeLog } from './change-log.ts';
import { NamespaceStore } from './namespace-store.ts';
import { TokenStore } from './token-store.ts';

/** Between a namespace and an id in a page's `next`: no name has it. */
const SEPARATOR = '/';

export class Directory extends DurableObject<Env> implements DirectoryMethods {
  readonly #sql: DurableSql;
  readonly #namespaces: NamespaceStore;
  readonly #tokens: TokenStore;
  readonly #changes: ChangeLog;
  readonly #probe: StorageProbe;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = new DurableSql(ctx.storage);
    this.#namespaces = new NamespaceStore(this.#sql);
    this.#tokens = new TokenStore(this.#sql);
    this.#changes = new ChangeLog(this.#sql);
    this.#probe = new StorageProbe(this.#sql);
  }

  token(id: string): { token: Token | null; namespace: Namespace | null; version: number } {
    const token = this.#tokens.get(id);
    const namespace = token && this.#namespaces.get(token.namespace);
    return { token: namespace && token, namespace, version: this.#changes.version() };
  }

  tokens(namespace: string | null, after: string, limit: number): DirectoryPage<Token> {
    const [place = '', id = ''] = after.split(SEPARATOR);
    const items =
      namespace === null
        ? this.#tokens.after(place, id, limit + 1)
        : this.#tokens.ofNamespace(namespace, id, limit + 1);
    return pageOf(items, limit, (token) => `${token.namespace}${SEPARATOR}${token.id}`);
  }

  makeToken(token: Token): Token | Failure {
    if (this.#namespaces.get(token.namespace) === null) {
      return failure('namespace_not_found', `there is no namespace "${token.namespace}"`);
    }
    this.#tokens.put(token);
    return token;
  }

  rotateToken(
    id: string,
    digest: string,
    previousUntilMs: number,
  ): { token: Token; version: number } | Failure {
    const token = this.#tokens.get(id);
    if (token === null) return noSuchToken(id);
    const changed = rotated(token, digest, previousUntilMs, Date.now());
    return isFailure(changed) ? changed : this.#changed(changed);
  }

  revokeToken(id: string): { token: Token; version: number } | Failure {
    const token = this.#tokens.get(id);
    if (token === null) return noSuchToken(id);
    if (token.revokedMs !== null) return { token, version: this.#changes.version() };
    return this.#changed({ ...token, revokedMs: Date.now() });
  }

  namespace(name: string): { namespace: Namespace | null; version: number } {
    return { namespace: this.#namespaces.get(name), version: this.#changes.version() };
  }

  namespaces(after: string, limit: number): DirectoryPage<Namespace> {
    return pageOf(this.#namespaces.after(after, limit + 1), limit, ({ name }) => name);
  }

  putNamespace(name: string): { namespace: Namespace; isNew: boolean } {
    const known = this.#namespaces.get(name);
    if (known !== null) return { namespace: known, isNew: false };
    const namespace: Namespace = { name, createdMs: Date.now() };
    this.#namespaces.put(namespace);
    return { namespace, isNew: true };
  }

  catchUp(version: number, uses: readonly TokenUse[]): CaughtUp {
    if (uses.length > 0) {
      this.#sql.transaction(() => {
        for (const { id, hourMs } of uses) this.#tokens.noteUse(id, hourMs);
      });
    }
    return { version: this.#changes.version(), changes: this.#changes.since(version) };
  }

  probeStorage(): number {
    return this.#probe.write(Date.now());
  }

  #changed(token: Token): { token: Token; version: number } {
    this.#sql.transaction(() => {
      this.#tokens.put(token);
      this.#changes.note({ kind: 'token', name: token.id });
    });
    return { token, version: this.#changes.version() };
  }
}

function noSuchToken(id: string): Failure {
  return failure('token_not_found', `there is no token "${id}"`);
}

/** @param items one more than the page holds, if there are more */
function pageOf<Item>(items: Item[], limit: number, nameOf: (item: Item) => string): DirectoryPage<Item> {
  const shown = items.slice(0, limit);
  return { items: shown, next: items.length > limit ? nameOf(shown.at(-1)!) : null };
}
