/**
 * Attempt log: the latest attempts of a subscription. They are in memory, and stored now and then as one row: a crash loses
 * what the log has of the last minute, and no message.
 */

import { ATTEMPTS_KEPT, type Attempt } from '../../protocol/schemas/subscriptions.ts';
import { cutText } from '../../protocol/cut-text.ts';
import type { SubscriptionStore } from './subscription-store.ts';

/** Between two stores, in ms: a row each. */
const STORE_MS = 60_000;

/** Characters of a stored reply or error. */
const STORED_TEXT_LENGTH_MAX = 400;

/** A row of the platform has at most 2 MB. Of a text of control characters each takes six bytes in JSON. */
const STORED_BYTES_MAX = 1_900_000;

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
      this.#storedMs = nowMs;
      this.#store.writeAttempts(this.#stored());
    } catch (error) {
      console.error('the attempts of a subscription could not be stored', error);
    }
  }

  latest(limit: number, onlyFailed: boolean): Attempt[] {
    const kept = this.#known().slice(-ATTEMPTS_KEPT);
    const meant = onlyFailed ? kept.filter(({ outcome }) => outcome !== 'accepted') : kept;
    return meant.slice(-limit).toReversed();
  }

  /** The latest as JSON, with texts as long as they fit. */
  #stored(): string {
    for (let length = STORED_TEXT_LENGTH_MAX; ; length = Math.floor(length / 2)) {
      const cut = (text: string | null): string | null => text && cutText(text, length);
      const latest = this.#known().slice(-ATTEMPTS_KEPT);
      const json = JSON.stringify(
        latest.map((one) => ({ ...one, reply: cut(one.reply), error: cut(one.error) })),
      );
      if (length === 0 || new TextEncoder().encode(json).length <= STORED_BYTES_MAX) return json;
    }
  }

  #known(): Attempt[] {
    return (this.#attempts ??= this.#store.readAttempts());
  }
}
