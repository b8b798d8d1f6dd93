/** Collects settlements for a few milliseconds and sends them together, again and again while that may help. */

import { withRetries } from '../client/retry.ts';
import type { Transport } from '../client/transport.ts';
import { asPosthornError, type PosthornError } from '../errors.ts';
import { refusalOf, settleAll, type Settlement, type TaggedSettlement } from './settlement.ts';

export interface BatcherSettings {
  consumerId: string;
  settleLingerMs: number;
  settleBatch: number;
}

interface Waiting extends TaggedSettlement {
  /** Called once: null where it was done. */
  done: (error: PosthornError | null) => void;
}

export class SettlementBatcher {
  readonly #transport: Transport;
  readonly #queue: string;
  readonly #settings: BatcherSettings;
  readonly #signal: AbortSignal;
  /** How long a request is tried, in ms: no longer than a lease, after which nothing is left to settle. */
  giveUpMs = 30_000;
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lingers = false;
  /** Handed over and not done, those on their way included. */
  #unsettled = 0;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(transport: Transport, queue: string, settings: BatcherSettings, signal: AbortSignal) {
    this.#transport = transport;
    this.#queue = queue;
    this.#settings = settings;
    this.#signal = signal;
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  add(tag: string, settlement: Settlement, done: (error: PosthornError | null) => void): void {
    this.#unsettled++;
    this.#waiting.push({ tag, settlement, done });
    if (this.#waiting.length >= this.#settings.settleBatch) this.flush();
    else if (!this.#lingers) {
      this.#lingers = true;
      this.#timer = setTimeout(() => this.flush(), this.#settings.settleLingerMs);
    }
  }

  flush(): void {
    this.#lingers = false;
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0) void this.#send(this.#waiting.splice(0, this.#settings.settleBatch));
  }

  /** Flushes, and resolves when all is done. */
  idle(): Promise<void> {
    this.flush();
    if (this.#unsettled === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    const limits = { withinMs: this.giveUpMs, signal: this.#signal };
    let attempts = 0;
    try {
      const { consumerId } = this.#settings;
      const outcomes = await withRetries(this.#transport.config.retry, limits, (attempt) => {
        attempts = attempt;
        return settleAll(this.#transport, this.#queue, consumerId, batch, this.#signal);
      });
      batch.forEach((one, index) => one.done(refusalOf(one, outcomes[index]!, attempts > 1)));
    } catch (cause) {
      const error = asPosthornError(cause);
      for (const { done } of batch) done(error);
    }
    this.#unsettled -= batch.length;
    if (this.#unsettled > 0) return;
    this.#idle?.resolve();
    this.#idle = null;
  }
}
