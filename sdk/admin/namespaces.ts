/** Namespaces of a broker: create, read, list, change, delete. They need the root token, but for `get`. */

import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { checkName } from '../client/names.ts';
import { jsonBody, type HttpCall, type Transport } from '../client/transport.ts';
import { fromWire, toWire } from '../client/wire.ts';
import type { Quotas } from './quotas.ts';

export interface Namespace {
  /** Its name. */
  namespace: string;
  state: 'active' | 'deleting';
  /** In ms since 1970; 0 for `default`. */
  createdAt: number;
  quotas: Quotas;
  /** What there is now. Not in lists, and not while it is being deleted. */
  use?: { queues: number; topics: number; partitions: number; bindings: number; groups: number };
  /** How far its deletion has come. */
  deletion?: { startedAt: number; freed: number; left: number | null };
}

/**
 * All calls retry temporary failures, and throw `PosthornError`: `invalid_argument`, `unauthenticated`, `forbidden`,
 * `namespace_not_found`, `connection_failed`, `timeout`, `aborted`, and those named below.
 */
export class Namespaces {
  readonly #root: Transport;

  /** Made by `Posthorn`. @param root its paths begin at the root of the broker */
  constructor(root: Transport) {
    this.#root = root;
  }

  /** Creates it, or replaces the quotas of one that exists if quotas are given. @throws PosthornError `namespace_deleting` */
  async put(
    namespace: string,
    declaration: { quotas?: Quotas } = {},
    options: CallOptions = {},
  ): Promise<Namespace> {
    return await this.#call(namespace, { method: 'PUT', ...jsonBody(toWire(declaration)), ...options });
  }

  async get(namespace: string, options: CallOptions = {}): Promise<Namespace> {
    return await this.#call(namespace, { method: 'GET', ...options });
  }

  /** All namespaces, by name. */
  async list(options: CallOptions = {}): Promise<Namespace[]> {
    const itemsOf = (page: { namespaces: object[]; next?: string }): object[] => page.namespaces;
    const all = await listAll(this.#root, NAMESPACES, itemsOf, options);
    return all.map((namespace) => fromWire<Namespace>(namespace));
  }

  /** Replaces its quotas. @throws PosthornError `namespace_deleting` */
  async change(namespace: string, change: { quotas: Quotas }, options: CallOptions = {}): Promise<Namespace> {
    return await this.#call(namespace, { method: 'PATCH', ...jsonBody(toWire(change)), ...options });
  }

  /**
   * Deletes a namespace with everything in it. Its objects are freed after the call; `get` throws `namespace_not_found`
   * when all of them are.
   *
   * @throws PosthornError `not_confirmed` unless `confirm` is its name; `namespace_reserved`
   */
  async delete(
    namespace: string,
    { confirm, ...options }: CallOptions & { confirm: string },
  ): Promise<Namespace> {
    const query = { confirm: encodeURIComponent(confirm) };
    return await this.#call(namespace, { method: 'DELETE', query, ...options });
  }

  async #call(namespace: string, call: Omit<HttpCall, 'path'>): Promise<Namespace> {
    const path = `${NAMESPACES}/${checkName('namespace', namespace)}`;
    return fromWire(await this.#root.json<object>({ ...call, path }));
  }
}

const NAMESPACES = '/admin/v1/namespaces';
