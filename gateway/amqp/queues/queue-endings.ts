/**
 * Queue endings: queues that this gateway is deleting because a connection or the last consumer has left. RabbitMQ does that at once;
 * here it takes a call of the broker, and whoever names the queue meanwhile waits for it.
 */

export class QueueEndings {
  /** By namespace and queue. */
  readonly #under = new Map<string, Promise<void>>();

  /** Deletes a queue. What fails is left to the broker, which deletes such queues too, a little later. */
  begin(namespace: string, queue: string, deletion: () => Promise<unknown>): void {
    const key = keyOf(namespace, queue);
    const before = this.#under.get(key) ?? Promise.resolve();
    const ending: Promise<void> = before
      .then(deletion)
      .catch(() => {})
      .then(() => {
        if (this.#under.get(key) === ending) this.#under.delete(key);
      });
    this.#under.set(key, ending);
  }

  /** Resolves when the queue is gone if it is being deleted; undefined if it is not. */
  under(namespace: string, queue: string): Promise<void> | undefined {
    return this.#under.get(keyOf(namespace, queue));
  }

  /** Resolves when all are gone. */
  async all(): Promise<void> {
    await Promise.all(this.#under.values());
  }
}

const keyOf = (namespace: string, queue: string): string => `${namespace}/${queue}`;
