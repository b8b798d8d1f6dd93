/** Extends the leases of messages that are still in hand when half of their time is over. */

import type { PosthornError } from '../errors.ts';
import type { ReceivedMessage } from './received-message.ts';

export interface LeaseActions {
  extend(message: ReceivedMessage, leaseMs: number, done: (error: PosthornError | null) => void): void;
  /** The message is somebody else's. */
  lost(message: ReceivedMessage, error: PosthornError): void;
}

export class LeaseKeeper {
  readonly #leaseMs: number;
  readonly #actions: LeaseActions;
  /**
   * When to extend each, in ms of `performance.now()`. All have leases of one length, so insertion order is that of the
   * times.
   */
  readonly #dueMs = new Map<ReceivedMessage, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(leaseMs: number, actions: LeaseActions) {
    this.#leaseMs = leaseMs;
    this.#actions = actions;
  }

  /** The lease of these has just begun. */
  keep(messages: readonly ReceivedMessage[]): void {
    const dueMs = performance.now() + this.#leaseMs / 2;
    for (const message of messages) this.#dueMs.set(message, dueMs);
    this.#wait();
  }

  drop(message: ReceivedMessage): void {
    this.#dueMs.delete(message);
    if (this.#dueMs.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #extendDue(): void {
    // Those that are due soon as well: one request instead of several.
    const untilMs = performance.now() + this.#leaseMs / 10;
    const due: ReceivedMessage[] = [];
    for (const [message, dueMs] of this.#dueMs) {
      if (dueMs > untilMs) break;
      due.push(message);
    }
    this.#timer = undefined;
    for (const message of due) {
      this.#dueMs.delete(message);
      this.#actions.extend(message, this.#leaseMs, (error) => {
        if (error === null || !this.#dueMs.has(message)) return;
        this.#dueMs.delete(message);
        this.#actions.lost(message, error);
      });
    }
    if (due.length > 0) this.keep(due);
    else this.#wait();
  }

  #wait(): void {
    const [next] = this.#dueMs.values();
    if (next === undefined) return;
    this.#timer ??= setTimeout(() => this.#extendDue(), Math.max(0, next - performance.now()));
  }
}
