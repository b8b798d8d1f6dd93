/** Dice: the choices of a generator, which follow from a seed. */

import { randomFrom, type Random } from '../../crash/random.ts';

export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** In [0, 1). */
  roll(): number {
    return this.#random();
  }

  chance(probability: number): boolean {
    return this.roll() < probability;
  }

  /** An integer in [0, limit). */
  upTo(limit: number): number {
    return Math.floor(this.roll() * limit);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.upTo(items.length)]!;
  }
}
