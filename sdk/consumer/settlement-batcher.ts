/** Settlement batcher: sends settlements, together with those that gather while others are under way, with retries. */

import { decodeOutcomeFrame, encodeSettlementFrame } from '../../protocol/frames/settlement-frame.ts';
import { Gathering } from '../client/gathering.ts';
import { withRetries, type RetryPolicy } from '../client/http/retry.ts';
import { asPosthornError, PosthornError } from '../errors.ts';
import {
  entriesOf,
  refusalOf,
  sortSettlements,
  type MessageSettlement,
  type SendSettlements,
} from './settlement-entries.ts';

/** Nacks with long errors are split: a request may have 16 MiB, a message on a socket 32. */
const FRAME_BYTES_MAX = 4 * 1024 * 1024;

export interface BatcherSettings {
  settleLingerMs: number;
  settleBatch: number;
  retry: RetryPolicy;
}

export interface WaitingSettlement extends MessageSettlement {
  /** Called once: null if it was done. Undefined if nobody waits. */
  done: ((error: PosthornError | null) => void) | undefined;
}

export interface BatcherEvents {
  /** It was refused, or could not be sent. */
  failed(settlement: WaitingSettlement, error: PosthornError): void;
  /** A batch is done, whatever became of it. */
  settled(): void;
}

export class SettlementBatcher {
  /** How long a request is tried, in ms: no longer than a lease, after which nothing is left to settle. */
  giveUpMs = 30_000;
  readonly #send: SendSettlements;
  readonly #settings: BatcherSettings;
  readonly #events: BatcherEvents;
  readonly #signal: AbortSignal;
  #waiting: WaitingSettlement[] = [];
  readonly #gathering: Gathering;
  /** Of frames. */
  #ids = 0;
  /** Handed over and not done, those on their way included. */
  #unsettled = 0;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(send: SendSettlements, settings: BatcherSettings, events: BatcherEvents, signal: AbortSignal) {
    this.#send = send;
    this.#settings = settings;
    this.#gathering = new Gathering(settings.settleLingerMs, () => this.flush());
    this.#events = events;
    this.#signal = signal;
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  add(settlement: WaitingSettlement): void {
    this.#unsettled++;
    this.#waiting.push(settlement);
    if (this.#waiting.length >= this.#settings.settleBatch) return this.flush();
    this.#gathering.begin();
    // Somebody may wait for the message.
    if (settlement.settlement.kind !== 'ack') this.#gathering.hurry();
  }

  flush(): void {
    this.#gathering.end();
    while (this.#waiting.length > 0) void this.#settle(this.#waiting.splice(0, this.#settings.settleBatch));
  }

  /** Flushes, and resolves when all is done. */
  idle(): Promise<void> {
    this.flush();
    if (this.#unsettled === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  async #settle(batch: WaitingSettlement[]): Promise<void> {
    sortSettlements(batch);
    this.#ids = (this.#ids + 1) >>> 0;
    const frame = encodeSettlementFrame({ id: this.#ids, entries: entriesOf(batch) });
    if (frame.length > FRAME_BYTES_MAX && batch.length > 1) {
      await Promise.all([this.#settle(batch.splice(batch.length >> 1)), this.#settle(batch)]);
      return;
    }
    const limits = { withinMs: this.giveUpMs, signal: this.#signal };
    let attempts = 0;
    try {
      const { outcomes } = await withRetries(this.#settings.retry, limits, async (attempt) => {
        attempts = attempt;
        return readOutcomes(await this.#attempt(frame), batch.length);
      });
      batch.forEach((one, index) => this.#conclude(one, refusalOf(one, outcomes[index]!, attempts > 1)));
    } catch (cause) {
      const error = asPosthornError(cause);
      for (const one of batch) this.#conclude(one, error);
    }
    this.#unsettled -= batch.length;
    this.#events.settled();
    if (this.#unsettled > 0) return;
    this.#idle?.resolve();
    this.#idle = null;
  }

  async #attempt(frame: Uint8Array): Promise<Uint8Array> {
    this.#gathering.left();
    try {
      return await this.#send(frame, this.#signal);
    } finally {
      this.#gathering.returned();
    }
  }

  #conclude(one: WaitingSettlement, error: PosthornError | null): void {
    if (error !== null) this.#events.failed(one, error);
    one.done?.(error);
  }
}

function readOutcomes(bytes: Uint8Array, count: number): ReturnType<typeof decodeOutcomeFrame> {
  try {
    const frame = decodeOutcomeFrame(bytes);
    if (frame.outcomes.length === count) return frame;
  } catch {
    // Said below.
  }
  throw new PosthornError('unexpected_reply', `the reply does not tell of ${count} messages`);
}
