/** Policies: settings for all queues whose names match a pattern. */

import type { PolicyList, PolicyReply } from '../../protocol/schemas/policies.ts';
import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, type Transport } from '../client/transport.ts';
import type { Policy, PolicyDeclaration } from './exchange-types.ts';
import { checkName } from '../client/names.ts';
import { fromWire, toWire } from '../client/wire.ts';

/**
 * All calls retry temporary failures, and throw `PosthornError`: `invalid_argument`, `invalid_field`,
 * `policy_not_found`, `connection_failed`, `timeout`, `aborted`.
 */
export class Policies {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the policy, or replaces it.
   *
   * @example await posthorn.policies.put('limits', { pattern: 'jobs.*', definition: { maxLength: 100_000 } });
   */
  async put(policy: string, declaration: PolicyDeclaration, options: CallOptions = {}): Promise<Policy> {
    const call = { method: 'PUT' as const, path: policyPath(policy), ...jsonBody(toWire(declaration)) };
    return fromWire<Policy>(await this.#transport.json<PolicyReply>({ ...call, ...options }));
  }

  async get(policy: string, options: CallOptions = {}): Promise<Policy> {
    const path = policyPath(policy);
    return fromWire<Policy>(await this.#transport.json<PolicyReply>({ method: 'GET', path, ...options }));
  }

  /** All policies of the namespace, by name. */
  async list(options: CallOptions = {}): Promise<Omit<Policy, 'topologyVersion' | 'progress'>[]> {
    const policies = await listAll(
      this.#transport,
      '/policies',
      (page: PolicyList) => page.policies,
      options,
    );
    return policies.map((policy) => fromWire<Omit<Policy, 'topologyVersion' | 'progress'>>(policy));
  }

  /** Deletes a policy. Its queues return to their own settings. */
  async delete(policy: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: policyPath(policy), ...options }, 'policy_not_found');
  }
}

const policyPath = (policy: string): string => `/policies/${checkName('policy', policy)}`;
