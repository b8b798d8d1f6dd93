/** Unsettled deliveries: what a channel has delivered and its client has not settled, by delivery tag. */

import type { Delivery } from '../../broker-port.ts';

export interface UnsettledEntry {
  tag: number;
  delivery: Delivery;
}

export class Unsettled {
  #lastTag = 0;
  #deliveries = new Map<number, Delivery>();

  get count(): number {
    return this.#deliveries.size;
  }

  /** The tag of the next delivery, which is settled already. */
  tagSettled(): number {
    return ++this.#lastTag;
  }

  add(delivery: Delivery): number {
    this.#deliveries.set(++this.#lastTag, delivery);
    return this.#lastTag;
  }

  /**
   * Takes the deliveries that a settlement names: one, or with `multiple` all up to a tag, where 0 stands for all. Returns null
   * for a tag that is unknown or settled.
   */
  take(tag: number, multiple: boolean): UnsettledEntry[] | null {
    if (multiple && tag === 0) return this.takeAll();
    const named = this.#deliveries.get(tag);
    if (named === undefined) return null;
    if (!multiple) {
      this.#deliveries.delete(tag);
      return [{ tag, delivery: named }];
    }
    const taken: UnsettledEntry[] = [];
    for (const [each, delivery] of this.#deliveries) {
      if (each > tag) break;
      taken.push({ tag: each, delivery });
      this.#deliveries.delete(each);
    }
    return taken;
  }

  takeAll(): UnsettledEntry[] {
    const all = [...this.#deliveries].map(([tag, delivery]) => ({ tag, delivery }));
    this.#deliveries.clear();
    return all;
  }

  /** Puts back what was taken. Tags stay in their order, which `multiple` goes by. */
  restore(entries: readonly UnsettledEntry[]): void {
    if (entries.length === 0) return;
    const all = [...this.#deliveries, ...entries.map(({ tag, delivery }) => [tag, delivery] as const)];
    this.#deliveries = new Map(all.toSorted(([a], [b]) => a - b));
  }
}
