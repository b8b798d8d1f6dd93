/** Arrival: when the one message that is under way has come, for those who measure how long it took. */

export class Arrival {
  #waiting: PromiseWithResolvers<number> | null = null;

  /** Resolves with the time of `performance.now()`. */
  next(): Promise<number> {
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  note(): void {
    this.#waiting?.resolve(performance.now());
  }
}
