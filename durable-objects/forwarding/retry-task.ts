/**
 * Retry task: sends what an object has to hand on to others. One send runs at a time. After a send that failed it tries
 * again by the alarm, later each time.
 */

import type { ObjectContext } from '../runtime/context.ts';

const RETRY_MS = 5_000;
const RETRY_MS_MAX = 300_000;

type Context = Pick<ObjectContext, 'alarm' | 'now' | 'waitUntil'>;

export interface RetryHost {
  /** What is sent, for the log: "messages of queue x". */
  label(): string;
  /** Whether something waits to be sent. */
  hasWork(): boolean;
  /** Sends what waits. Returns why something could not be sent; null if all was. It may reject. */
  send(): Promise<string | null>;
}

export class RetryTask {
  readonly #context: Context;
  readonly #name: string;
  readonly #host: RetryHost;
  readonly #retryMsMax: number;
  #sending: Promise<boolean> | null = null;
  /** Failed sends, one after another. */
  #failures = 0;
  /** Why something still waits; null if nothing is in its way. */
  problem: string | null = null;

  /** @param name of the task among those of the alarm */
  constructor(context: Context, name: string, host: RetryHost, { retryMsMax = RETRY_MS_MAX } = {}) {
    this.#context = context;
    this.#name = name;
    this.#host = host;
    this.#retryMsMax = retryMsMax;
    context.alarm.register(name, (nowMs) => {
      if (!host.hasWork()) return null;
      context.waitUntil(this.run());
      return nowMs + RETRY_MS; // in case this object ends before the send does
    });
  }

  /** Sends what waits, unless a send is under way or waits for its retry time. */
  wake(): void {
    if (!this.#host.hasWork() || this.#sending || this.#context.alarm.isScheduled(this.#name)) return;
    this.#context.alarm.schedule(this.#name, this.#context.now() + RETRY_MS);
    this.#context.waitUntil(this.run());
  }

  /** What failed before may succeed now: tries again by the alarm at once. */
  hurry(): void {
    if (this.#host.hasWork()) this.#context.alarm.scheduleEarlier(this.#name, this.#context.now() + 1);
  }

  cancel(): void {
    this.#context.alarm.schedule(this.#name, null);
  }

  /** Sends now. Returns whether all was sent. Never rejects. */
  run(): Promise<boolean> {
    this.#sending ??= this.#host
      .send()
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      .then((problem) => this.#sent(problem))
      .finally(() => {
        this.#sending = null;
        this.#wakeAgain();
      });
    return this.#sending;
  }

  /** For what came while the send ended. */
  #wakeAgain(): void {
    try {
      this.wake();
    } catch {
      this.#context.alarm.schedule(this.#name, this.#context.now() + RETRY_MS); // the storage has failed
    }
  }

  #sent(problem: string | null): boolean {
    this.problem = problem;
    if (problem === null) {
      this.#failures = 0;
      this.#context.alarm.schedule(this.#name, null);
      return true;
    }
    console.error(`${this.#host.label()} could not be sent; trying again: ${problem}`);
    const delayMs = Math.min(RETRY_MS * 2 ** this.#failures++, this.#retryMsMax);
    this.#context.alarm.schedule(this.#name, this.#context.now() + delayMs);
    return false;
  }
}
