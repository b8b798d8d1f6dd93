/**
 * Leased messages: those that were delivered to a consumer and are not settled. Messages of one delivery stay together,
 * because their leases began together. At half time the consumer extends the leases of those that are left.
 */

import type { PosthornError } from '../errors.ts';
import type { Hand, ReceivedMessage } from './received-message.ts';

export interface LeaseActions {
  extend(message: ReceivedMessage, leaseMs: number, done: (error: PosthornError | null) => void): void;
  /** The message belongs to another consumer. */
  lost(message: ReceivedMessage, error: PosthornError): void;
}

export class LeasedMessages {
  /** Set when it is known. */
  leaseMs = Infinity;
  readonly #actions: LeaseActions;
  /** With the messages of each. */
  readonly #hands = new Map<Hand, readonly ReceivedMessage[]>();
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(actions: LeaseActions) {
    this.#actions = actions;
  }

  get count(): number {
    return this.#count;
  }

  /** All of them, the oldest first. */
  all(): ReceivedMessage[] {
    return [...this.#hands.values()].flatMap(unsettledOf);
  }

  /** Their leases have just begun. */
  take(messages: readonly ReceivedMessage[]): void {
    const hand: Hand = { left: messages.length, dueMs: performance.now() + this.leaseMs / 2 };
    for (const message of messages) message.hand = hand;
    this.#hands.set(hand, messages);
    this.#count += messages.length;
    this.#wait();
  }

  /** @returns whether it was in hand */
  drop(message: ReceivedMessage): boolean {
    const { hand } = message;
    if (hand === null) return false;
    message.hand = null;
    this.#count -= 1;
    if (--hand.left === 0) this.#hands.delete(hand);
    if (this.#hands.size > 0) return true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return true;
  }

  #extendDue(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const [hand, messages] of this.#hands) {
      // Also extends leases that are due soon: one request instead of several.
      if (hand.dueMs > nowMs + this.leaseMs / 10) continue;
      hand.dueMs = nowMs + this.leaseMs / 2;
      for (const message of unsettledOf(messages)) {
        this.#actions.extend(message, this.leaseMs, (error) => {
          if (error !== null && message.hand !== null) this.#actions.lost(message, error);
        });
      }
    }
    this.#wait();
  }

  #wait(): void {
    if (this.#timer !== undefined || this.#hands.size === 0) return;
    const dueMs = Math.min(...[...this.#hands.keys()].map((hand) => hand.dueMs));
    if (dueMs === Infinity) return;
    this.#timer = setTimeout(() => this.#extendDue(), Math.max(0, dueMs - performance.now()));
  }
}

function unsettledOf(messages: readonly ReceivedMessage[]): ReceivedMessage[] {
  return messages.filter(({ hand }) => hand !== null);
}
