/** Calls many objects, so many at the same time. */

const FAN_OUT = 32;

/** Results in the order of the items; throws what the first one throws that fails. */
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
