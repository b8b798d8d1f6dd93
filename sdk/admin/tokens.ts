/** Tokens: make, read, list, rotate, revoke. Whoever has `manage` on a namespace does it for its tokens. */

import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, jsonOf, type HttpCall, type Transport } from '../client/transport.ts';
import { fromWire, toWire } from '../client/wire.ts';
import type { Action, ResourceKind, Role } from '../../protocol/access/scopes.ts';
import type { RateQuotas } from './quotas.ts';

export interface TokenScope {
  /** `*`: every kind. */
  kind: ResourceKind | '*';
  /** A name, or a prefix that ends with `*`. */
  name: string;
  actions: Action[];
}

export interface TokenDeclaration {
  /** What people call it, in lists and audits. */
  name: string;
  /** The only namespace that it is good for. Default: the client's. */
  namespace?: string;
  /** What it may do: scopes, roles, or both. */
  scopes?: TokenScope[];
  roles?: Role[];
  /** In ms since 1970, or a Date; null or left out: it does not expire. */
  expiresAt?: number | Date | null;
  /** Besides those of its namespace. */
  quotas?: RateQuotas;
}

export interface Token {
  /** Names the token, and is no secret. */
  id: string;
  name: string;
  namespace: string;
  /** With the scopes that its roles stand for. */
  scopes: TokenScope[];
  roles: Role[];
  /** Times are in ms since 1970. */
  createdAt: number;
  /** The id of the token that made it; `root` for the root token. */
  createdBy: string;
  expiresAt: number | null;
  /** The hour of its last use. */
  lastUsedAt: number | null;
  rotatedAt: number | null;
  /** Until when the former secret is good, after a rotation. */
  previousExpiresAt: number | null;
  revokedAt: number | null;
  quotas: RateQuotas;
}

export interface MadeToken extends Token {
  /** The secret, `ph_...`. It is shown only here. */
  token: string;
}

/**
 * Calls that can be repeated retry temporary failures. All throw `PosthornError`: `unauthenticated`, `forbidden`,
 * `invalid_field`, `token_not_found`, `connection_failed`, `timeout`, `aborted`, and those named below.
 */
export class Tokens {
  readonly #root: Transport;
  readonly #namespace: string;

  /** Made by `Posthorn`. @param root its paths begin at the root of the broker */
  constructor(root: Transport, namespace: string) {
    this.#root = root;
    this.#namespace = namespace;
  }

  /**
   * Makes a token. It is not tried again by itself, because each attempt would make another.
   *
   * @throws PosthornError `namespace_not_found`
   * @example const { token } = await posthorn.tokens.make({ name: 'checkout', roles: ['producer'] });
   */
  async make(declaration: TokenDeclaration, options: CallOptions = {}): Promise<MadeToken> {
    const { expiresAt, namespace = this.#namespace, ...rest } = declaration;
    const body = jsonBody({
      ...toWire(rest),
      namespace,
      ...(expiresAt !== undefined && { expires_at: msOf(expiresAt) }),
    });
    return fromWire(await this.#once('', { ...body, ...options }));
  }

  /** Without its secret. */
  async get(id: string, options: CallOptions = {}): Promise<Token> {
    return fromWire(await this.#root.json<object>({ method: 'GET', path: pathOf(id), ...options }));
  }

  /** Tokens of a namespace, or of all: then it needs the root token. Default: the client's namespace. */
  async list({
    namespace = this.#namespace,
    ...options
  }: CallOptions & { namespace?: string | null } = {}): Promise<Token[]> {
    const query = namespace === null ? {} : { namespace };
    const itemsOf = (page: { tokens: object[]; next?: string }): object[] => page.tokens;
    const all = await listAll(this.#root, TOKENS, itemsOf, { query, ...options });
    return all.map((token) => fromWire<Token>(token));
  }

  /**
   * Gives it a second secret. The former one stays good until `previousExpiresAt`, by default for a day.
   *
   * @throws PosthornError `token_revoked`; `token_rotating` while the secret before that is good
   */
  async rotate(
    id: string,
    { previousExpiresAt, ...options }: CallOptions & { previousExpiresAt?: number | Date } = {},
  ): Promise<MadeToken> {
    const fields = previousExpiresAt === undefined ? {} : { previous_expires_at: msOf(previousExpiresAt) };
    return fromWire(
      await this.#once(`/${encodeURIComponent(id)}/rotate`, { ...jsonBody(fields), ...options }),
    );
  }

  /** Revokes it with all its secrets. */
  async revoke(id: string, options: CallOptions = {}): Promise<Token> {
    return fromWire(await this.#root.json<object>({ method: 'DELETE', path: pathOf(id), ...options }));
  }

  async #once(path: string, call: Omit<HttpCall, 'method' | 'path'>): Promise<object> {
    const reply = await this.#root.call({ method: 'POST', path: `${TOKENS}${path}`, ...call });
    return jsonOf<object>(reply);
  }
}

const TOKENS = '/admin/v1/tokens';
const pathOf = (id: string): string => `${TOKENS}/${encodeURIComponent(id)}`;
const msOf = (time: number | Date | null): number | null => (time instanceof Date ? time.getTime() : time);
