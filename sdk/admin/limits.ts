/** Limits: the cost ceiling of a namespace. */

import type { CallOptions } from '../client/options.ts';
import { jsonBody, type Transport } from '../client/transport.ts';
import { fromWire, toWire } from '../client/wire.ts';

export interface CostLimits {
  /**
   * Rows that the queues and partitions of the namespace may write in an hour (UTC) before publishes are refused with
   * `cost_ceiling`; null: no limit.
   */
  rowsWrittenPerHour: number | null;
}

export interface CostLimitsState extends CostLimits {
  rowsWrittenThisHour: number;
  isExceeded: boolean;
  /** When the next hour begins, in ms since 1970. */
  resetsAt: number;
}

/** All calls retry temporary failures, and throw `PosthornError`: `invalid_field`, `forbidden`, `connection_failed`, `timeout`, `aborted`. */
export class Limits {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The ceiling of the namespace, and what was written in this hour. */
  async get(options: CallOptions = {}): Promise<CostLimitsState> {
    return fromWire(await this.#transport.json<object>({ method: 'GET', path: '/limits', ...options }));
  }

  /** @example await posthorn.limits.set({ rowsWrittenPerHour: 1_000_000 }); */
  async set(limits: CostLimits, options: CallOptions = {}): Promise<CostLimitsState> {
    const call = { method: 'PUT', path: '/limits', ...jsonBody(toWire(limits)), ...options } as const;
    return fromWire(await this.#transport.json<object>(call));
  }
}
