/** Time of a simulation: events in order, and the chance that everything in it follows from. */

import { randomFrom } from '../../../crash/random.ts';

interface Event {
  atMs: number;
  nth: number;
  run: () => void;
}

export class SimulatedTime {
  readonly random: () => number;
  readonly #events: Event[] = [];
  #nth = 0;
  nowMs = 0;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  /** Runs what happens until a time, one after another. */
  run(untilMs: number, afterEach: () => void): void {
    for (let event = this.#next(untilMs); event; event = this.#next(untilMs)) {
      this.nowMs = event.atMs;
      event.run();
      afterEach();
    }
    this.nowMs = untilMs;
  }

  after(ms: number, run: () => void): void {
    this.#events.push({ atMs: this.nowMs + ms, nth: this.#nth++, run });
  }

  /** At some time within so many ms. */
  later(withinMs: number, run: () => void): void {
    this.after(this.random() * withinMs, run);
  }

  repeat(aboutMs: number, run: () => void): void {
    const again = (): void => {
      run();
      this.after(aboutMs * (0.5 + this.random()), again);
    };
    this.after(aboutMs, again);
  }

  below(end: number): number {
    return Math.floor(this.random() * end);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  #next(untilMs: number): Event | undefined {
    let first = 0;
    for (let nth = 1; nth < this.#events.length; nth++) {
      const [a, b] = [this.#events[nth]!, this.#events[first]!];
      if (a.atMs < b.atMs || (a.atMs === b.atMs && a.nth < b.nth)) first = nth;
    }
    return (this.#events[first]?.atMs ?? Infinity) <= untilMs ? this.#events.splice(first, 1)[0] : undefined;
  }
}
