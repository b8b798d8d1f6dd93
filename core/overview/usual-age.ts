/**
 * Usual age: how old the oldest message of a queue is as a rule, from the last reports. In memory alone: until it knows enough, an
 * hour is too old.
 */

/** Reports until the usual age is known. */
const REPORTS_MIN = 10;

/** The weight of a new report. */
const WEIGHT = 0.1;

/** This many times the usual is too old. */
const FACTOR = 4;

/** Never too old. */
const SHORTEST_MS = 60_000;
const UNKNOWN_MS = 3_600_000;

export class UsualAge {
  #usualMs = 0;
  #reports = 0;

  add(ageMs: number): void {
    this.#reports += 1;
    const weight = Math.max(WEIGHT, 1 / this.#reports);
    this.#usualMs += (ageMs - this.#usualMs) * weight;
  }

  /** From which age on a message is older than usual. */
  limitMs(): number {
    return this.#reports < REPORTS_MIN ? UNKNOWN_MS : Math.max(SHORTEST_MS, FACTOR * this.#usualMs);
  }
}
