/** Unsettled deliveries: what a channel has delivered and its client has not settled, by delivery tag. Bodies are not kept. */

import type { Delivery } from '../../broker-port.ts';

export interface UnsettledEntry {
  tag: number;
  settle: Delivery['settle'];
}

export class Unsettled {
  #lastTag = 0;
  #settles = new Map<number, Delivery['settle']>();

  get count(): number {
    return this.#settles.size;
  }

  /** The tag of the next delivery, which is settled already. */
  tagSettled(): number {
    return ++this.#lastTag;
  }

  add({ settle }: Delivery): number {
    this.#settles.set(++this.#lastTag, settle);
    return this.#lastTag;
  }

  /**
   * Takes the deliveries that a settlement names: one, or with `multiple` all up to a tag, where 0 stands for all. Returns null
   * for a tag that is unknown or settled.
   */
  take(tag: number, multiple: boolean): UnsettledEntry[] | null {
    if (multiple && tag === 0) return this.takeAll();
    const named = this.#settles.get(tag);
    if (named === undefined) return null;
    if (!multiple) {
      this.#settles.delete(tag);
      return [{ tag, settle: named }];
    }
    const taken: UnsettledEntry[] = [];
    for (const [each, settle] of this.#settles) {
      if (each > tag) break;
      taken.push({ tag: each, settle });
      this.#settles.delete(each);
    }
    return taken;
  }

  takeAll(): UnsettledEntry[] {
    const all = [...this.#settles].map(([tag, settle]) => ({ tag, settle }));
    this.#settles.clear();
    return all;
  }

  /** Puts back what was taken. Tags stay in their order, which `multiple` goes by. */
  restore(entries: readonly UnsettledEntry[]): void {
    if (entries.length === 0) return;
    const all = [...this.#settles, ...entries.map(({ tag, settle }) => [tag, settle] as const)];
    this.#settles = new Map(all.toSorted(([a], [b]) => a - b));
  }
}
