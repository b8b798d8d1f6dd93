/** Pace: turns for calls that must not come more often than once in an interval. */

/** A turn that would be later is one of a clock that has gone back. */
const WAIT_MS_MAX = 10_000;

export class Pace {
  readonly #intervalMs: number;
  #freeMs = 0;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Takes the next turn. @returns how long it is until then */
  take(nowMs: number): number {
    if (this.#freeMs - nowMs > WAIT_MS_MAX) this.#freeMs = nowMs;
    const turnMs = Math.max(nowMs, this.#freeMs);
    this.#freeMs = turnMs + this.#intervalMs;
    return turnMs - nowMs;
  }
}
