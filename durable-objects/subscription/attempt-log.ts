/**
 * Attempt log: the latest attempts of a subscription. They are in memory, and stored now and then as one row: a crash loses
 * what the log has of the last minute, and no message.
 */

import { ATTEMPTS_KEPT, type Attempt } from '../../protocol/schemas/subscriptions.ts';
import { cutText } from '../../protocol/cut-text.ts';
import type { SubscriptionStore } from './subscription-store.ts';

/** Between two stores, in ms: a row each. */
const STORE_MS = 60_000;

/** Of a stored reply: a row is at most 2 MB. */
const STORED_REPLY_LENGTH_MAX = 400;

export class AttemptLog {
  readonly #store: SubscriptionStore;
  /** The latest last; null until it is asked for. */
  #attempts: Attempt[] | null = null;
  #storedMs = 0;

  constructor(store: SubscriptionStore) {
    this.#store = store;
  }

  /** Never throws: the log is worth less than what it tells of. */
  note(attempt: Attempt, nowMs: number): void {
    try {
      const attempts = this.#known();
      attempts.push(attempt);
      if (attempts.length >= 2 * ATTEMPTS_KEPT) attempts.splice(0, attempts.length - ATTEMPTS_KEPT);
    } catch (error) {
      console.error('an attempt of a subscription could not be noted', error);
    }
    if (nowMs - this.#storedMs >= STORE_MS) this.store(nowMs);
  }

  /** Never throws either. */
  store(nowMs: number): void {
    try {
      const stored = this.#known()
        .slice(-ATTEMPTS_KEPT)
        .map((one) => ({ ...one, reply: one.reply && cutText(one.reply, STORED_REPLY_LENGTH_MAX) }));
      this.#store.writeAttempts(stored);
      this.#storedMs = nowMs;
    } catch (error) {
      console.error('the attempts of a subscription could not be stored', error);
    }
  }

  latest(limit: number, onlyFailed: boolean): Attempt[] {
    const kept = this.#known().slice(-ATTEMPTS_KEPT);
    const meant = onlyFailed ? kept.filter(({ outcome }) => outcome !== 'accepted') : kept;
    return meant.slice(-limit).toReversed();
  }

  #known(): Attempt[] {
    return (this.#attempts ??= this.#store.readAttempts());
  }
}
