/** Input that ends when a signal fires, however long its next piece would take. */

export async function* untilAborted<Item>(
  items: AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  const { promise: stopped, resolve: stop } = Promise.withResolvers<null>();
  const onAbort = (): void => stop(null);
  if (signal.aborted) return;
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      const next = iterator.next();
      // It may fail after nobody waits for it any more.
      next.catch(() => {});
      const item = await Promise.race([next, stopped]);
      if (item === null || item.done) return;
      yield item.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: it ends with the read that is under way, which may be never.
    void iterator.return?.()?.catch(() => {});
  }
}
