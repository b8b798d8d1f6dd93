/** Concurrent mapping: calls many objects with a limit on concurrent calls. */

const FAN_OUT = 32;

/** Returns results in the order of the items. Throws the first failure. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  call: (item: Item) => PromiseLike<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let first = 0; first < items.length; first += FAN_OUT) {
    results.push(...(await Promise.all(items.slice(first, first + FAN_OUT).map(call))));
  }
  return results;
}
