/** Input that ends when a signal fires, however long its next piece would take. */

export async function* untilAborted<Item>(
  items: AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  let stop = (): void => {};
  const onAbort = (): void => stop();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      // Not a race with one promise for all: that would keep every piece as long as it lasts.
      const item = await new Promise<IteratorResult<Item> | null>((resolve, reject) => {
        stop = () => resolve(null);
        iterator.next().then(resolve, reject); // it may fail after nobody waits for it any more
      });
      if (item === null || item.done) return;
      yield item.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: it ends with the read that is under way, which may be never.
    void iterator.return?.()?.catch(() => {});
  }
}
