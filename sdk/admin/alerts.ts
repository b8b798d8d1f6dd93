/** Alerts: signed notices to a webhook when a queue is above a threshold, and when it has recovered. */

import type { AlertList, AlertReply } from '../../protocol/schemas/alerts.ts';
import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, type Transport } from '../client/transport.ts';
import type { RuleProgress } from './exchange-types.ts';
import { checkName } from '../client/names.ts';
import { fromWire, toWire } from '../client/wire.ts';

export interface AlertDeclaration {
  /** Names of queues: `*` stands for any characters, `?` for any one. The whole name must match. */
  pattern: string;
  /** Messages ready; ms since the oldest of them was published; messages dead-lettered in the last minute. */
  metric: 'depth' | 'oldest_age_ms' | 'dead_letter_rate';
  /** The rule applies when the metric is larger. */
  threshold: number;
  /** The rule fires when the metric has been above the threshold for this long, in ms. Default 0: at once. */
  forMs?: number;
  webhook: {
    /** A public https address, unless the broker is configured otherwise. */
    url: string;
    /** `whsec_` and base64. Default: the existing secret, or a new one that this call returns once. */
    secret?: string;
  };
}

export interface Alert extends Required<AlertDeclaration> {
  /** Its name. */
  alert: string;
  progress: RuleProgress;
  /** The version of the namespace's topology that this was read from. */
  topologyVersion: number;
}

/**
 * All calls retry temporary failures, and throw `PosthornError`: `invalid_argument`, `invalid_field`,
 * `alert_not_found`, `too_many_alerts`, `connection_failed`, `timeout`, `aborted`.
 */
export class Alerts {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the rule, or replaces it. A secret that is made for it is in the result of this call only.
   *
   * @example
   * await posthorn.alerts.put('backlog', {
   *   pattern: 'jobs.*', metric: 'depth', threshold: 10_000, forMs: 60_000, webhook: { url: 'https://example.com/alerts' },
   * });
   */
  async put(alert: string, declaration: AlertDeclaration, options: CallOptions = {}): Promise<Alert> {
    const call = { method: 'PUT' as const, path: alertPath(alert), ...jsonBody(toWire(declaration)) };
    return fromWire<Alert>(await this.#transport.json<AlertReply>({ ...call, ...options }));
  }

  /** Returns a rule. The `state.alerts` of each queue says whether it fires there. */
  async get(alert: string, options: CallOptions = {}): Promise<Alert> {
    const path = alertPath(alert);
    return fromWire<Alert>(await this.#transport.json<AlertReply>({ method: 'GET', path, ...options }));
  }

  /** All rules of the namespace, by name. */
  async list(options: CallOptions = {}): Promise<Omit<Alert, 'topologyVersion' | 'progress'>[]> {
    const alerts = await listAll(this.#transport, '/alerts', (page: AlertList) => page.alerts, options);
    return alerts.map((alert) => fromWire<Omit<Alert, 'topologyVersion' | 'progress'>>(alert));
  }

  /** Deletes a rule. If it fires, a last notice reports its recovery. */
  async delete(alert: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: alertPath(alert), ...options }, 'alert_not_found');
  }
}

const alertPath = (alert: string): string => `/alerts/${checkName('alert', alert)}`;
