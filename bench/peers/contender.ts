/** Contender: a broker with a Node client that is measured beside others. Each keeps what it has confirmed on disk, with a flush a commit. */

export const MESSAGE_BYTES = 100;

/** Messages that a producer may have unconfirmed, and that a consumer may have in hand. */
export const WINDOW = 1_000;

export const BODY = Buffer.alloc(MESSAGE_BYTES, 'abcdefghij');

export interface Contender {
  name: string;
  /** What runs, for the table: versions and settings. */
  about: string;
  start: () => Promise<Running>;
}

export interface Running {
  /** One message to a queue or a log that nobody reads. Resolves when it is confirmed. */
  publish: () => Promise<unknown>;
  /** One message where a consumer waits. Resolves when it is confirmed and the consumer has it. */
  deliver: () => Promise<unknown>;
  /** Publishes, delivers and acks messages at once, a window on both sides. */
  queue?: (messages: number) => Promise<void>;
  log?: {
    /** Each record with a promise or a place in a batch, as the client's users send many. */
    produce: (records: number) => Promise<void>;
    /** Reads what `produce` has stored. */
    consume: (records: number) => Promise<void>;
  };
  stop: () => Promise<void>;
}

/** Counts to a number. */
export class Countdown {
  readonly #done = Promise.withResolvers<void>();
  readonly reached: Promise<void> = this.#done.promise;
  #rest: number;

  constructor(count: number) {
    this.#rest = count;
  }

  note(count = 1): void {
    this.#rest -= count;
    if (this.#rest <= 0) this.#done.resolve();
  }

  fail(error: unknown): void {
    this.#done.reject(error);
  }
}
