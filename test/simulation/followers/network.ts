/**
 * Objects that are called over a network: each call takes time both ways, may be lost on either, and waits for its turn at an
 * object that answers one call in a millisecond. An object with a long queue refuses, as the platform does.
 */

import type { VirtualTime } from './virtual-time.ts';

export interface NetworkFaults {
  /** One way, at most, in ms. */
  latencyMs: number;
  /** Of 1. */
  lost: number;
}

/** How long a call waits that is lost. */
const LOST_MS = 200;
const QUEUE_MAX = 2_000;

export class Network {
  faults: NetworkFaults;
  /** Calls by the object's name, by second. */
  readonly calls = new Map<string, Map<number, number>>();
  refused = 0;
  readonly #time: VirtualTime;
  readonly #random: () => number;
  readonly #freeMs = new Map<string, number>();

  constructor(time: VirtualTime, random: () => number, faults: NetworkFaults) {
    this.#time = time;
    this.#random = random;
    this.faults = faults;
  }

  /** Calls by the busiest object of those in a second, since a time. */
  busiest(pattern: RegExp, sinceMs: number): number {
    const counts = [...this.calls]
      .filter(([name]) => pattern.test(name))
      .flatMap(([, bySecond]) => [...bySecond]);
    return Math.max(0, ...counts.filter(([second]) => second >= sinceMs / 1_000).map(([, count]) => count));
  }

  /** How many objects have been called since a time. */
  called(pattern: RegExp, sinceMs: number): number {
    return [...this.calls].filter(
      ([name, bySecond]) =>
        pattern.test(name) && [...bySecond.keys()].some((second) => second >= sinceMs / 1_000),
    ).length;
  }

  async call<Answer>(name: string, act: () => Answer | Promise<Answer>): Promise<Answer> {
    await this.#way();
    const second = Math.floor(this.#time.nowMs / 1_000);
    const bySecond = this.calls.get(name) ?? new Map<number, number>();
    this.calls.set(name, bySecond);
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
    const freeMs = Math.max(this.#freeMs.get(name) ?? 0, this.#time.nowMs);
    if (freeMs - this.#time.nowMs > QUEUE_MAX) {
      this.refused += 1;
      throw new Error('overloaded');
    }
    this.#freeMs.set(name, freeMs + 1);
    if (freeMs > this.#time.nowMs) await this.#time.sleep(freeMs - this.#time.nowMs);
    const answer = await act();
    await this.#way();
    return answer;
  }

  async #way(): Promise<void> {
    if (this.#random() < this.faults.lost) {
      await this.#time.sleep(LOST_MS);
      throw new Error('lost');
    }
    await this.#time.sleep(this.#random() * this.faults.latencyMs);
  }
}
