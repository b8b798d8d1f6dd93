/** Directory object: the namespaces and tokens of the deployment. Routers ask it what they do not know, never for each call. */

import { DurableObject } from 'cloudflare:workers';
import {
  beginDeletion,
  isBeingDeleted,
  noSuchNamespace,
  type Namespace,
} from '../../core/access/namespace.ts';
import type { Quotas } from '../../core/access/quotas/quotas.ts';
import { rotated, type KeptSecret, type Token } from '../../core/access/token.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { Env } from '../env.ts';
import type { CaughtUp, DirectoryMethods, DirectoryPage, TokenUse } from '../rpc/directory.ts';
import { Alarm } from '../runtime/alarm.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import { StorageProbe } from '../storage/storage-probe.ts';
import { topologyStub } from '../stubs.ts';
import { ChangeLog } from './change-log.ts';
import { LoginKeyStore } from './login-key-store.ts';
import { NamespaceDeletions } from './namespace-deletions.ts';
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
  readonly #loginKey: LoginKeyStore;
  #alarm!: Alarm;
  /** The change of a namespace that is under way. */
  #changing: Promise<unknown> = Promise.resolve();
  #deletions!: NamespaceDeletions;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = new DurableSql(ctx.storage);
    this.#namespaces = new NamespaceStore(this.#sql);
    this.#tokens = new TokenStore(this.#sql);
    this.#changes = new ChangeLog(this.#sql);
    this.#probe = new StorageProbe(this.#sql);
    this.#loginKey = new LoginKeyStore(this.#sql);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), () => Date.now());
      this.#deletions = new NamespaceDeletions({
        env,
        sql: this.#sql,
        alarm: this.#alarm,
        waitUntil: (work) => ctx.waitUntil(work),
        namespaces: this.#namespaces,
        tokens: this.#tokens,
        changes: this.#changes,
      });
    });
  }

  token(id: string): { token: Token | null; namespace: Namespace | null; version: number } {
    const token = this.#liveToken(id);
    const namespace = token && this.#namespaces.get(token.namespace);
    return { token, namespace, version: this.#changes.version() };
  }

  tokens(namespace: string | null, after: string, limit: number): DirectoryPage<Token> {
    const [place = '', id = ''] = after.split(SEPARATOR);
    const { tokens, isMore } = this.#tokens.page({ only: namespace, namespace: place, id }, limit);
    const last = tokens.at(-1);
    return {
      items: tokens.map((token) => this.#asRevoked(token)),
      next: isMore && last ? `${last.namespace}${SEPARATOR}${last.id}` : null,
    };
  }

  makeToken(token: Token): Token | Failure {
    const namespace = this.#namespaces.get(token.namespace);
    if (namespace === null || namespace.deletion) return noSuchNamespace(token.namespace);
    this.#tokens.put(token);
    return token;
  }

  rotateToken(
    id: string,
    secret: KeptSecret,
    previousUntilMs: number,
  ): { token: Token; version: number } | Failure {
    const token = this.#liveToken(id);
    if (token === null) return noSuchToken(id);
    const changed = rotated(token, secret, previousUntilMs, Date.now());
    return isFailure(changed) ? changed : this.#changed(changed);
  }

  revokeToken(id: string): { token: Token; version: number } | Failure {
    const token = this.#liveToken(id);
    if (token === null) return noSuchToken(id);
    if (token.revokedMs !== null) return { token, version: this.#changes.version() };
    return this.#changed({ ...token, revokedMs: Date.now() });
  }

  loginKey(): string {
    return this.#loginKey.get(() => crypto.randomUUID() + crypto.randomUUID());
  }

  namespace(name: string): { namespace: Namespace | null; version: number } {
    return { namespace: this.#namespaces.get(name), version: this.#changes.version() };
  }

  namespaces(after: string, limit: number): DirectoryPage<Namespace> {
    return pageOf(this.#namespaces.after(after, limit + 1), limit, ({ name }) => name);
  }

  async putNamespace(
    name: string,
    quotas: Quotas | undefined,
  ): Promise<{ namespace: Namespace; isNew: boolean; version: number } | Failure> {
    // One of that name may have been deleted, and its topology is closed since.
    if (this.#namespaces.get(name) === null) await topologyStub(this.env, name).open();
    return await this.#withCounts(name, quotas, (known) => this.#put(name, known, quotas));
  }

  #put(
    name: string,
    known: Namespace | null,
    quotas: Quotas | undefined,
  ): { namespace: Namespace; isNew: boolean; version: number } {
    if (known !== null && quotas !== undefined)
      return { ...this.#changedNamespace({ ...known, quotas }), isNew: false };
    if (known !== null) return { namespace: known, isNew: false, version: this.#changes.version() };
    const namespace: Namespace = { name, createdMs: Date.now(), ...(quotas && { quotas }) };
    this.#namespaces.put(namespace);
    return { namespace, isNew: true, version: this.#changes.version() };
  }

  async changeNamespace(
    name: string,
    quotas: Quotas,
  ): Promise<{ namespace: Namespace; version: number } | Failure> {
    if (this.#namespaces.get(name) === null) return noSuchNamespace(name);
    return await this.#withCounts(name, quotas, (known) =>
      known === null ? noSuchNamespace(name) : this.#changedNamespace({ ...known, quotas }),
    );
  }

  /**
   * Tells the topology its limits before they are stored, so that what is shown holds. One change after another: two at once
   * could be told in one order and stored in the other.
   */
  async #withCounts<Answer>(
    name: string,
    quotas: Quotas | undefined,
    store: (known: Namespace | null) => Answer,
  ): Promise<Answer | Failure> {
    const before = this.#changing;
    const work = (async () => {
      await before.catch(() => {});
      if (this.#namespaces.get(name)?.deletion) return isBeingDeleted(name);
      const refused = quotas && (await topologyStub(this.env, name).limitCounts(quotas.counts ?? {}));
      const known = this.#namespaces.get(name);
      if (known?.deletion) return isBeingDeleted(name);
      return refused ?? store(known);
    })();
    this.#changing = work;
    return await work;
  }

  noteCeiling(name: string, rowsPerHour: number | null): number {
    const known = this.#namespaces.get(name);
    if (known === null || known.deletion || (known.rowsPerHour ?? null) === rowsPerHour)
      return this.#changes.version();
    return this.#changedNamespace({ ...known, rowsPerHour }).version;
  }

  deleteNamespace(name: string): { namespace: Namespace; version: number } | Failure {
    const known = this.#namespaces.get(name);
    if (known === null) return noSuchNamespace(name);
    const namespace = beginDeletion(known, Date.now());
    if (isFailure(namespace)) return namespace;
    if (namespace !== known) {
      this.#sql.transaction(() => {
        this.#namespaces.put(namespace);
        this.#namespaces.putDeletion(name, null);
        this.#changes.note({ kind: 'namespace', name });
      });
    }
    this.#deletions.begin();
    return { namespace, version: this.#changes.version() };
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

  tick(): void {
    this.#alarm.runDue();
  }

  override alarm(): void {
    this.#alarm.fired();
  }

  /** Null also for a token of a namespace that is being deleted: all of them are revoked with it. */
  #liveToken(id: string): Token | null {
    const token = this.#tokens.get(id);
    const namespace = token && this.#namespaces.get(token.namespace);
    return namespace && !namespace.deletion ? token : null;
  }

  #asRevoked(token: Token): Token {
    const deletion = this.#namespaces.get(token.namespace)?.deletion;
    return deletion ? { ...token, revokedMs: token.revokedMs ?? deletion.startedMs } : token;
  }

  #changedNamespace(namespace: Namespace): { namespace: Namespace; version: number } {
    this.#sql.transaction(() => {
      this.#namespaces.put(namespace);
      this.#changes.note({ kind: 'namespace', name: namespace.name });
    });
    return { namespace, version: this.#changes.version() };
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
