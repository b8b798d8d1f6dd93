/**
 * Returning messages: what clients of this gateway have given back to queues, or rejected, until the broker has stored that. A
 * method that could see its effect waits, so that a client which requeues a message and gets again finds it.
 */

export class ReturningMessages {
  /** By namespace and queue. */
  readonly #returning = new Map<string, Set<Promise<void>>>();

  /** @param stored never rejects */
  add(namespace: string, queue: string, stored: Promise<void>): void {
    const key = `${namespace}/${queue}`;
    const all = this.#returning.get(key) ?? new Set();
    this.#returning.set(key, all.add(stored));
    void stored.then(() => {
      all.delete(stored);
      if (all.size === 0) this.#returning.delete(key);
    });
  }

  /** Resolves when everything that was added so far is stored. */
  async stored(namespace: string, queue: string): Promise<void> {
    const all = this.#returning.get(`${namespace}/${queue}`);
    if (all !== undefined) await Promise.all(all);
  }
}
