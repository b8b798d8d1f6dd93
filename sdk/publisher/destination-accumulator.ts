/**
 * Destination accumulator: what a publisher holds for one destination. A line of batches, of which one at a time is
 * under way.
 */

import { atEndOfTurn } from '../client/end-of-turn.ts';
import type { Channel } from '../client/channel.ts';
import { MessageBatch, type PendingMessage } from './message-batch.ts';
import type { PublisherConfig } from './options.ts';
import type { Destination } from './publish-request.ts';
import type { BatchWait } from './wave.ts';

export class DestinationAccumulator {
  readonly destination: Destination;
  readonly channel: Channel;
  /** Whether messages without an id are given one; null until it is known. */
  givesIds: boolean | null = null;
  readonly #config: PublisherConfig;
  readonly #wave: BatchWait | undefined;
  /** The next to go first. */
  readonly #closed: MessageBatch[] = [];
  /** The batch that takes messages. */
  #open: MessageBatch | null = null;
  /** The open batch has waited long enough for company. */
  #isDue = false;
  /** A batch is on its way or waits to be tried again; nothing may overtake it. */
  #isBusy = false;
  #lingers = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #idle: PromiseWithResolvers<void> | null = null;

  /** @param due called when the open batch has waited long enough for others */
  constructor(destination: Destination, channel: Channel, config: PublisherConfig, due: () => void) {
    this.#wave = config.wave?.(due, destination);
    this.destination = destination;
    this.channel = channel;
    this.#config = config;
  }

  get isSendable(): boolean {
    if (this.#isBusy || this.#closed.length > 0) return !this.#isBusy;
    return this.#open !== null && this.#isDue && !this.#wave?.holds(this.#open.messages.length);
  }

  add(message: PendingMessage): void {
    const { batchBytes, batchMessages, deliveryTimeoutMs } = this.#config;
    if (this.#open !== null && this.#open.sizeBytes + message.sizeBytes > batchBytes) this.#close();
    this.#open ??= new MessageBatch(performance.now() + deliveryTimeoutMs);
    this.#open.add(message);
    if (this.#open.messages.length >= batchMessages) this.#close();
  }

  /** Calls `ended` when the open batch has waited for company. With 0 ms, at the end of the turn. */
  linger(ended: () => void): void {
    if (this.#lingers || this.#open === null || this.#isDue) return;
    this.#lingers = true;
    const end = (): void => {
      if (!this.#lingers) return;
      this.makeDue();
      ended();
    };
    if (this.#config.lingerMs === 0) atEndOfTurn(end);
    else this.#timer = setTimeout(end, this.#config.lingerMs);
  }

  /** The open batch waits for nothing. */
  hurry(): void {
    this.#wave?.end();
    this.makeDue();
  }

  makeDue(): void {
    this.#endLinger();
    this.#isDue = this.#open !== null;
  }

  /** The next batch, which is on its way now. */
  take(): MessageBatch {
    if (this.#closed.length === 0) this.#close();
    this.#isBusy = true;
    this.#wave?.end();
    return this.#closed.shift()!;
  }

  /** What was on its way is stored. */
  stored(count: number, tookMs: number): void {
    if (this.#closed.length === 0) this.#wave?.begin(count, this.#open?.messages.length ?? 0, tookMs);
    this.release(null);
  }

  /** Nothing is on its way any more; `again` goes first. */
  release(again: MessageBatch | null): void {
    this.#isBusy = false;
    if (again !== null) this.#closed.unshift(again);
    else if (this.#isIdle) this.#resolveIdle();
  }

  /** Resolves when every message is confirmed or refused. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  /** Every batch that is not on its way. */
  drain(): MessageBatch[] {
    this.#wave?.end();
    if (this.#open !== null) this.#close();
    const drained = this.#closed.splice(0);
    if (this.#isIdle) this.#resolveIdle();
    return drained;
  }

  get #isIdle(): boolean {
    return !this.#isBusy && this.#closed.length === 0 && this.#open === null;
  }

  #resolveIdle(): void {
    this.#idle?.resolve();
    this.#idle = null;
  }

  #close(): void {
    this.#closed.push(this.#open!);
    this.#open = null;
    this.#isDue = false;
    this.#endLinger();
  }

  #endLinger(): void {
    this.#lingers = false;
    clearTimeout(this.#timer);
  }
}
