/**
 * Concurrency limit: lets so many pieces of work of an isolate run at a time, the others in the order in which they came. Work
 * belongs to an object, and what an object has begun ends with it, without a word: so a place is free again after a time, and
 * who waits for one waits no longer than that.
 */

interface Place {
  untilMs: number;
}

export class ConcurrencyLimit {
  readonly #max: number;
  readonly #limitMs: number;
  readonly #places = new Set<Place>();
  readonly #waiting = new Set<(place: Place) => void>();

  /** @param limitMs longer than any of the work takes */
  constructor(max: number, limitMs: number) {
    this.#max = max;
    this.#limitMs = limitMs;
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const place = this.#isFull() ? await this.#wait() : this.#take();
    try {
      return await work();
    } finally {
      this.#places.delete(place);
      this.#letIn();
    }
  }

  #isFull(): boolean {
    const nowMs = Date.now();
    for (const place of this.#places) if (place.untilMs <= nowMs) this.#places.delete(place);
    return this.#places.size >= this.#max;
  }

  #letIn(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#isFull()) return;
    this.#waiting.delete(next);
    next(this.#take());
  }

  #take(): Place {
    const place = { untilMs: Date.now() + this.#limitMs };
    this.#places.add(place);
    return place;
  }

  async #wait(): Promise<Place> {
    const { promise, resolve } = Promise.withResolvers<Place>();
    this.#waiting.add(resolve);
    const timer = setTimeout(() => {
      if (this.#waiting.delete(resolve)) resolve(this.#take());
    }, this.#limitMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer); // here, because the object that resolves cannot clear the timer of another
    }
  }
}
