/** Exclusive queues: which connection of this gateway owns which queue. The queue goes with its connection. */

export class ExclusiveQueues {
  /** By namespace and queue. */
  readonly #owners = new Map<string, object>();
  /** The last declaration that is under way, by namespace and queue. */
  readonly #declaring = new Map<string, Promise<void>>();

  /** Runs declarations of one queue one after another: what one has found is still true when it claims the queue. */
  async inTurn<Result>(namespace: string, queue: string, declare: () => Promise<Result>): Promise<Result> {
    const key = keyOf(namespace, queue);
    const before = this.#declaring.get(key);
    const { promise: over, resolve } = Promise.withResolvers<void>();
    this.#declaring.set(key, over);
    try {
      await before;
      return await declare();
    } finally {
      resolve();
      if (this.#declaring.get(key) === over) this.#declaring.delete(key);
    }
  }

  isForeign(namespace: string, queue: string, owner: object): boolean {
    const found = this.#owners.get(keyOf(namespace, queue));
    return found !== undefined && found !== owner;
  }

  isOwn(namespace: string, queue: string, owner: object): boolean {
    return this.#owners.get(keyOf(namespace, queue)) === owner;
  }

  claim(namespace: string, queue: string, owner: object): void {
    this.#owners.set(keyOf(namespace, queue), owner);
  }

  release(namespace: string, queue: string, owner: object): void {
    if (this.isOwn(namespace, queue, owner)) this.#owners.delete(keyOf(namespace, queue));
  }
}

const keyOf = (namespace: string, queue: string): string => `${namespace}/${queue}`;
