/**
 * Pair table: a map from pairs of signed 32-bit integers to positive integers, in one array. It uses open addressing
 * with linear probing and is at most half full.
 *
 *   entry = first, second, value, 0        value 0 marks an empty slot
 */

const FIELDS = 4;
const VALUE = 2;
const PLACES_AT_FIRST = 16;

export class PairTable {
  #entries = new Int32Array(PLACES_AT_FIRST * FIELDS);
  #size = 0;

  /** 0 if there is none. */
  valueOf(first: number, second: number): number {
    return this.#entries[this.#find(first, second) + VALUE]!;
  }

  /** Adds a pair that is not there. */
  add(first: number, second: number, value: number): void {
    this.#size++;
    if (this.#size * 2 * FIELDS > this.#entries.length) this.#grow();
    this.#put(first, second, value);
  }

  /** Removes a pair that is there, and moves those behind it up, so that no search stops short of them. */
  remove(first: number, second: number): void {
    this.#size--;
    const entries = this.#entries;
    let hole = this.#find(first, second);
    for (let at = this.#after(hole); entries[at + VALUE] !== 0; at = this.#after(at)) {
      const home = this.#home(entries[at]!, entries[at + 1]!);
      if (distance(home, at, entries.length) < distance(hole, at, entries.length)) continue;
      entries.copyWithin(hole, at, at + FIELDS);
      hole = at;
    }
    entries.fill(0, hole, hole + FIELDS);
  }

  /** Where the pair is, or the empty slot where it would be. */
  #find(first: number, second: number): number {
    const entries = this.#entries;
    let at = this.#home(first, second);
    while (entries[at + VALUE] !== 0 && (entries[at] !== first || entries[at + 1] !== second)) {
      at = this.#after(at);
    }
    return at;
  }

  #put(first: number, second: number, value: number): void {
    this.#entries.set([first, second, value], this.#find(first, second));
  }

  #grow(): void {
    const old = this.#entries;
    this.#entries = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += FIELDS) {
      if (old[at + VALUE] !== 0) this.#put(old[at]!, old[at + 1]!, old[at + VALUE]!);
    }
  }

  #home(first: number, second: number): number {
    let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
    return ((hash ^ (hash >>> 13)) * FIELDS) & (this.#entries.length - 1);
  }

  #after(at: number): number {
    return (at + FIELDS) & (this.#entries.length - 1);
  }
}

/** Steps from one slot forward to another, around the end. */
function distance(from: number, to: number, length: number): number {
  return (to - from + length) & (length - 1);
}
