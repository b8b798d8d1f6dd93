/** Exclusive queues: which connection of this gateway owns which queue. The queue goes with its connection. */

export class ExclusiveQueues {
  /** By namespace and queue. */
  readonly #owners = new Map<string, object>();

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

  release(namespace: string, queue: string): void {
    this.#owners.delete(keyOf(namespace, queue));
  }
}

const keyOf = (namespace: string, queue: string): string => `${namespace}/${queue}`;
