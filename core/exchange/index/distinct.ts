/** Up to this length, comparing with each element is cheaper than hashing. Most messages have fewer destinations. */
const COMPARED_MAX = 8;

/** A list without repetitions, in the order of addition, which may grow while it is read. */
export class Distinct<Item> {
  readonly items: Item[] = [];
  /** All of them, once they are too many to compare. */
  #set: Set<Item> | null = null;

  /** @returns false if it is there already */
  add(item: Item): boolean {
    if (this.items.length < COMPARED_MAX) {
      if (this.items.includes(item)) return false;
    } else {
      this.#set ??= new Set(this.items);
      if (this.#set.has(item)) return false;
      this.#set.add(item);
    }
    this.items.push(item);
    return true;
  }
}
