/**
 * Deletion guard: a queue that is about to be deleted accepts nothing, so that no confirmed message is deleted with it:
 * routers may still know the queue after the topology has deleted it, until this object has been told. Should the
 * deletion never come, the queue opens again once the topology says that it is there.
 */

import type { QueueDefinition } from '../../../core/topology/queues.ts';
import { topologyStub } from '../../stubs.ts';
import type { Env } from '../../env.ts';
import { CLOSED_MS } from '../../rpc/queue.ts';
import type { QueueStore } from '../rows/queue-store.ts';

interface Host {
  now(): number;
  definition(): QueueDefinition | null;
  waitUntil(work: Promise<void>): void;
}

export class DeletionGuard {
  readonly #store: QueueStore;
  readonly #env: Env;
  readonly #host: Host;
  /** Before it nobody is asked; 0: open. */
  #untilMs: number;
  #isAsking = false;

  constructor(store: QueueStore, env: Env, host: Host) {
    this.#store = store;
    this.#env = env;
    this.#host = host;
    this.#untilMs = store.readClosedUntil();
  }

  get isClosed(): boolean {
    if (this.#untilMs === 0) return false;
    if (this.#untilMs <= this.#host.now() && !this.#isAsking) this.#host.waitUntil(this.#ask());
    return true;
  }

  close(): void {
    this.#untilMs = this.#host.now() + CLOSED_MS;
    this.#store.writeClosedUntil(this.#untilMs);
  }

  async #ask(): Promise<void> {
    const definition = this.#host.definition();
    if (definition === null) return;
    const { namespace, name, id } = definition;
    const askedUntilMs = this.#untilMs;
    this.#isAsking = true;
    try {
      const { queue } = await topologyStub(this.#env, namespace).queue(name);
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
