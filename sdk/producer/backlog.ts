/** Backlog: what a producer or publisher holds, in bytes or messages, and the callers that wait for room. */

export class Backlog {
  readonly #max: number;
  #held = 0;
  #room: PromiseWithResolvers<void> | null = null;

  constructor(max: number) {
    this.#max = max;
  }

  get held(): number {
    return this.#held;
  }

  add(amount: number): void {
    this.#held += amount;
  }

  remove(amount: number): void {
    this.#held -= amount;
    if (this.#room === null || this.#held >= this.#max) return;
    this.#room.resolve();
    this.#room = null;
  }

  get hasRoom(): boolean {
    return this.#held < this.#max;
  }

  /** Resolves at once if there is room. */
  ready(): Promise<void> {
    if (this.hasRoom) return READY;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }
}

export const READY = Promise.resolve();
