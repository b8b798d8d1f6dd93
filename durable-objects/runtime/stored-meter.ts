/**
 * Stored meter: reports what an object stores to the topology, and refuses publishes that the quota of the namespace has no room
 * for. Routers tell the quota with each publish; without a quota nothing is measured and nothing is reported.
 *
 * The first publish that tells a quota waits for the answer to the first report. Later reports are not waited for: the object
 * knows how much was available at the last answer, and what it has stored or freed by itself since then.
 */

import { countedBytes, refuseStored, storedStep, type StoringObject } from '../../core/cost/stored-bytes.ts';
import type { Failure } from '../../protocol/errors.ts';
import { topologyStub } from '../stubs.ts';
import type { ObjectContext } from './context.ts';

/** While nothing is available: how often a publish asks whether others have freed something. */
const ASK_AGAIN_MS = 1_000;

/** The object, and the namespace that it is in. */
export type Storing = StoringObject & { readonly namespace: string };

/** What the topology has answered. */
interface Answered {
  /** What the object had told. */
  readonly bytes: number;
  /** Below zero: so much is stored beyond the quota. */
  readonly available: number;
  readonly step: number;
}

export class StoredMeter {
  readonly #context: Pick<ObjectContext, 'env' | 'now' | 'waitUntil'>;
  readonly #databaseBytes: () => number;
  readonly #object: () => Storing | null;
  /** As routers tell it; null: there is none. */
  #limit: number | null = null;
  #answered: Answered | null = null;
  #asking: Promise<void> | null = null;
  #askedMs = -Infinity;

  /** @param object null: it is not defined yet */
  constructor(
    context: Pick<ObjectContext, 'env' | 'now' | 'waitUntil'>,
    databaseBytes: () => number,
    object: () => Storing | null,
  ) {
    this.#context = context;
    this.#databaseBytes = databaseBytes;
    this.#object = object;
  }

  /** Takes the quota that a router tells. Returns what a publish has to wait for; null if it may go on at once. */
  learn(limit: number | undefined): Promise<void> | null {
    if ((limit ?? null) !== this.#limit) {
      this.#limit = limit ?? null;
      this.#answered = null;
      this.#askedMs = -Infinity;
    }
    if (this.#limit === null || this.#answered !== null) return null;
    this.#ask();
    return this.#asking;
  }

  /**
   * Returns why an append is refused; null if there is room for it.
   * @param bytes with those that are on their way to the disk
   */
  refusal(bytes: number): Failure | null {
    if (this.#limit === null || this.#answered === null) return null;
    this.note();
    const grown = this.bytes() - this.#answered.bytes;
    const available = Math.max(0, this.#answered.available - grown);
    if (bytes <= available) return null;
    this.#ask();
    return refuseStored(this.#limit, available);
  }

  /** Reports what has changed, when it is a step. */
  note(): void {
    if (this.#answered === null) return;
    if (Math.abs(this.bytes() - this.#answered.bytes) >= this.#answered.step) this.#report();
  }

  /** What the object stores now. */
  bytes(): number {
    return countedBytes(this.#databaseBytes());
  }

  #ask(): void {
    const nowMs = this.#context.now();
    if (nowMs >= this.#askedMs + ASK_AGAIN_MS || nowMs < this.#askedMs) this.#report();
  }

  #report(): void {
    const object = this.#object();
    if (object === null || this.#asking !== null) return;
    const { env, now, waitUntil } = this.#context;
    const { namespace, kind, name, id, partition } = object;
    const bytes = this.bytes();
    const limit = this.#limit;
    this.#askedMs = now();
    this.#asking = topologyStub(env, namespace)
      .reportStored({ kind, name, id, partition }, bytes)
      .then((available) => {
        // Null: the quota was taken away, or the object is being deleted.
        const known = { bytes, available: available ?? Infinity, step: storedStep(limit ?? Infinity) };
        if (this.#limit === limit) this.#answered = known;
        this.#asking = null;
        this.note(); // what came or left meanwhile
      })
      .catch((error: unknown) => {
        this.#asking = null;
        console.error('stored bytes could not be reported', error);
      });
    waitUntil(this.#asking);
  }
}
