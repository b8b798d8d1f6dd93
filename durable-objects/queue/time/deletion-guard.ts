/**
 * Deletion guard: a queue that is about to be deleted accepts nothing, so that no confirmed message is deleted with it:
 * routers may still know the queue after the topology has deleted it, until this object has been told. Should the
 * deletion never come, the queue opens again once the topology says that it is there.
 */

import type { QueueDefinition } from '../../../core/topology/queues/queues.ts';
import { topologyStub } from '../../stubs.ts';
import { CLOSED_MS } from '../../rpc/queue.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import type { QueueStore } from '../rows/queue-store.ts';

type Context = Pick<ObjectContext, 'env' | 'now' | 'waitUntil'>;

export class DeletionGuard {
  readonly #store: QueueStore;
  readonly #context: Context;
  readonly #definition: () => QueueDefinition | null;
  /** Before it nobody is asked; 0: open. */
  #untilMs: number;
  #isAsking = false;

  constructor(context: Context, store: QueueStore, definition: () => QueueDefinition | null) {
    this.#context = context;
    this.#store = store;
    this.#definition = definition;
    this.#untilMs = store.readClosedUntil();
  }

  get isClosed(): boolean {
    if (this.#untilMs === 0) return false;
    if (this.#untilMs <= this.#context.now() && !this.#isAsking) this.#context.waitUntil(this.#ask());
    return true;
  }

  close(): void {
    this.#untilMs = this.#context.now() + CLOSED_MS;
    this.#store.writeClosedUntil(this.#untilMs);
  }

  async #ask(): Promise<void> {
    const definition = this.#definition();
    if (definition === null) return;
    const { namespace, name, id } = definition;
    const askedUntilMs = this.#untilMs;
    this.#isAsking = true;
    try {
      const { queue } = await topologyStub(this.#context.env, namespace).queue(name);
      if (queue?.id !== id || this.#untilMs !== askedUntilMs) return; // deleted, or closed once more
      this.#store.writeClosedUntil(0);
      this.#untilMs = 0;
    } catch (error) {
      console.error(`queue ${name} could not learn whether it is still there; it asks again`, error);
    } finally {
      this.#isAsking = false;
    }
  }
}
