/**
 * Pending acknowledgements: of the consumers of a gateway, by queue. They go with the next wave of publishes to their queue, so that
 * the queue commits both together and has room to deliver what comes.
 */

export class PendingAcks {
  readonly #flushes = new Map<string, Set<() => void>>();

  /** @param flush sends what a consumer has acknowledged. Returns what ends that */
  add(namespace: string, queue: string, flush: () => void): () => void {
    const key = keyOf(namespace, queue);
    const all = this.#flushes.get(key) ?? new Set();
    this.#flushes.set(key, all.add(flush));
    return () => {
      all.delete(flush);
      if (all.size === 0 && this.#flushes.get(key) === all) this.#flushes.delete(key);
    };
  }

  flush(namespace: string, queue: string): void {
    for (const flush of this.#flushes.get(keyOf(namespace, queue)) ?? []) flush();
  }
}

const keyOf = (namespace: string, queue: string): string => `${namespace}/${queue}`;
