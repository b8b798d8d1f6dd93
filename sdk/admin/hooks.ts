/** Hooks: addresses that store webhooks of other services, each verified by its signature. */

import type { HookList, HookReply } from '../../protocol/schemas/hooks.ts';
import { listAll } from '../client/list-pages.ts';
import { checkName } from '../client/names.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, type Transport } from '../client/transport.ts';
import { fromWire, toWire } from '../client/wire.ts';

export interface HookSignature {
  /** The header that has the signature. */
  header: string;
  /** What stands before the signature, such as `sha256=`. Default: nothing. */
  prefix?: string;
  /** Default `sha256`. */
  hash?: 'sha256' | 'sha1' | 'sha512';
  /** How the signature is written. Default `hex`. */
  encoding?: 'hex' | 'base64';
  /** What is signed: text with `{body}`, `{timestamp}` and `{id}` in it. Default `{body}`. */
  signed?: string;
  /** The header that has the time of sending, in seconds since 1970. */
  timestampHeader?: string;
  /** The header that has the id of the delivery. */
  idHeader?: string;
  /** The header that has the type of the event. */
  typeHeader?: string;
}

export interface HookDeclaration {
  /**
   * Where webhooks are stored. `key`: the id of the delivery, or the type of the event. `routingKey`: default the type of the event,
   * or the name of the hook for one without a type.
   */
  target:
    | { queue: string }
    | { topic: string; key?: 'none' | 'id' | 'type' }
    | { exchange: string; routingKey?: string }
    /** Change capture, as `POST .../ingest/debezium` takes it. */
    | {
        debezium: { topic?: string; key?: string; other?: string; tombstones?: boolean; create?: boolean };
      };
  /** How they are signed. `hmac`: as `signature` says. */
  scheme: 'github' | 'stripe' | 'standard' | 'hmac';
  signature?: HookSignature;
  /** How far the time of sending may be from now, in s, where it is signed. Default 300. */
  toleranceS?: number;
  /** Headers that are kept, beside those of the scheme. */
  headers?: string[];
  /** Default: the existing secret, or a new one that this call returns once. */
  secret?: string;
  /** A second secret that is as good, while the sender changes from one to the other. null: none any more. */
  nextSecret?: string | null;
}

export interface Hook extends Required<Omit<HookDeclaration, 'secret' | 'nextSecret' | 'signature'>> {
  /** Its name. */
  hook: string;
  signature?: HookSignature;
  hasNextSecret: boolean;
  /** Where senders send to, on the address of the broker. */
  path: string;
  /** Only in the result of the call that made it. */
  secret?: string;
  /** The version of the namespace's topology that this was read from. */
  topologyVersion: number;
}

/**
 * All calls retry temporary failures, and throw `PosthornError`: `invalid_argument`, `invalid_field`, `hook_not_found`,
 * `queue_not_found`, `topic_not_found`, `exchange_not_found`, `too_many_hooks`, `connection_failed`, `timeout`, `aborted`.
 */
export class Hooks {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the hook, or replaces it. A secret that is made for it is in the result of this call only.
   *
   * @example
   * const { path, secret } = await posthorn.hooks.put('repository', { target: { queue: 'pushes' }, scheme: 'github' });
   */
  async put(hook: string, declaration: HookDeclaration, options: CallOptions = {}): Promise<Hook> {
    return await this.#ask({
      method: 'PUT',
      path: pathOf(hook),
      ...jsonBody(toWire(declaration)),
      ...options,
    });
  }

  async get(hook: string, options: CallOptions = {}): Promise<Hook> {
    return await this.#ask({ method: 'GET', path: pathOf(hook), ...options });
  }

  /** All hooks of the namespace, by name. */
  async list(options: CallOptions = {}): Promise<Omit<Hook, 'path' | 'topologyVersion'>[]> {
    const itemsOf = (page: HookList) => page.hooks;
    return (await listAll(this.#transport, '/hooks', itemsOf, options)).map((one) => fromWire(one));
  }

  async delete(hook: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: pathOf(hook), ...options }, 'hook_not_found');
  }

  async #ask(call: Parameters<Transport['json']>[0]): Promise<Hook> {
    return fromWire(await this.#transport.json<HookReply>(call));
  }
}

const pathOf = (hook: string): string => `/hooks/${checkName('hook', hook)}`;
