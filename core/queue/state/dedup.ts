/**
 * Deduplication window: the message ids that the queue has seen lately, the oldest first. Above a limit it forgets the
 * oldest ids early.
 */

/** About 20 MB of memory in an object that has 128. */
export const DEDUP_IDS_MAX = 200_000;

export class DedupWindow {
  /** When each id is forgotten, in ms. Insertion order is age. */
  readonly #until = new Map<string, number>();

  get size(): number {
    return this.#until.size;
  }

  has(id: string, nowMs: number): boolean {
    return (this.#until.get(id) ?? -1) > nowMs;
  }

  add(id: string, untilMs: number): void {
    this.#until.delete(id);
    this.#until.set(id, untilMs);
    if (this.#until.size > DEDUP_IDS_MAX) this.#until.delete(this.#until.keys().next().value!);
  }

  /** Forgets the ids whose time is over. */
  expire(nowMs: number): void {
    for (const [id, untilMs] of this.#until) {
      if (untilMs > nowMs) return;
      this.#until.delete(id);
    }
  }
}
