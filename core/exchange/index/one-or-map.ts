/**
 * A collection of things that have a key each: none, one, or a map of them. Of the many collections in a routing index
 * most hold one binding. Held directly it takes no memory of its own, and one
 * step to a cold part of memory where a `Map` takes three, which is what routing among 100,000 bindings spends its
 * time on.
 */
export type Few<Item extends object> = null | Item | Map<string, Item>;

/** The key of an item. */
type KeyOf<Item> = (item: Item) => string;

/** With an item that replaces the one of the same key. */
export function including<Item extends object>(few: Few<Item>, item: Item, keyOf: KeyOf<Item>): Few<Item> {
  if (few === null) return item;
  if (few instanceof Map) return few.set(keyOf(item), item);
  if (keyOf(few) === keyOf(item)) return item;
  return new Map([few, item].map((each) => [keyOf(each), each]));
}

/** Without the item of that key, if it has one. */
export function excluding<Item extends object>(few: Few<Item>, key: string, keyOf: KeyOf<Item>): Few<Item> {
  if (few === null) return null;
  if (!(few instanceof Map)) return keyOf(few) === key ? null : few;
  few.delete(key);
  return few.size === 0 ? null : few;
}

export function forEach<Item extends object>(few: Few<Item>, visit: (item: Item) => void): void {
  if (few === null) return;
  if (few instanceof Map) for (const item of few.values()) visit(item);
  else visit(few);
}
