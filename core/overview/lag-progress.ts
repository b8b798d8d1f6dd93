/** Lag progress: when a group last came closer to the end of a partition. In memory alone. */

import type { GroupLag } from '../../protocol/schemas/overview.ts';

/** A lag that has not shrunk for so long is a problem. */
export const LAG_STUCK_MS = 300_000;

export class LagProgress {
  #lag: number;
  #offset: number | null;
  #progressMs: number;

  constructor({ lag, offset }: GroupLag, nowMs: number) {
    this.#lag = lag;
    this.#offset = offset;
    this.#progressMs = nowMs;
  }

  add({ lag, offset }: GroupLag, nowMs: number): void {
    const isAhead = (offset ?? 0) > (this.#offset ?? 0);
    if (lag === 0 || lag < this.#lag || (isAhead && lag === this.#lag)) this.#progressMs = nowMs;
    else if (this.#lag === 0) this.#progressMs = nowMs; // it has just begun
    this.#lag = lag;
    this.#offset = offset;
  }

  isStuck(nowMs: number): boolean {
    return this.#lag > 0 && nowMs - this.#progressMs >= LAG_STUCK_MS;
  }
}
