/** An operation of the workload: what a client may do at any moment. One file each, listed in operations.ts. */

import type { Random } from '../../crash/random.ts';
import type { Client } from './client.ts';

export interface Operation {
  name: string;
  /** How often it is chosen, compared with the others. */
  weight: number;
  /** Not of every run: a share of them has clients of their own for it. */
  isApart?: true;
  /**
   * @param id unique in the run: what it sends is named after it
   * @param random follows from the operation alone, so that leaving others out does not change it
   */
  run(client: Client, id: string, random: Random): Promise<void>;
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)]!;
}

/** From `from` to `to`, both included. */
export function between(random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

/** As `between`, mostly near `from`. */
export function mostlyFrom(random: Random, from: number, to: number): number {
  return from + Math.floor(random() ** 3 * (to - from + 1));
}

export function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
