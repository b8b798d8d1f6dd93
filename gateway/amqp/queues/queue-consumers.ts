/** Queue consumers: who consumes from which queue in this gateway. A delete ends them at once, without a word of the broker. */

import { ReturningMessages } from '../returning-messages.ts';

export interface ListedConsumer {
  isExclusive: boolean;
  /** Ends it: the queue is gone. */
  end(): void;
}

export class QueueConsumers {
  /** What they have given back. */
  readonly returning = new ReturningMessages();
  /** By namespace and queue. */
  readonly #consumers = new Map<string, Set<ListedConsumer>>();

  of(namespace: string, queue: string): readonly ListedConsumer[] {
    return [...(this.#consumers.get(`${namespace}/${queue}`) ?? [])];
  }

  add(namespace: string, queue: string, consumer: ListedConsumer): void {
    const key = `${namespace}/${queue}`;
    const all = this.#consumers.get(key) ?? new Set();
    this.#consumers.set(key, all.add(consumer));
  }

  /** Returns whether it was the last of the queue. */
  remove(namespace: string, queue: string, consumer: ListedConsumer): boolean {
    const key = `${namespace}/${queue}`;
    const all = this.#consumers.get(key);
    if (!all?.delete(consumer) || all.size > 0) return false;
    this.#consumers.delete(key);
    return true;
  }

  /** The queue is gone. */
  endAll(namespace: string, queue: string): void {
    for (const consumer of this.of(namespace, queue)) consumer.end();
  }
}
