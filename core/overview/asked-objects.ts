/**
 * Asked objects: which objects of a namespace the overview asks, because they have changed and may change again. An object is asked
 * until it answers that nothing has changed, or has not answered for too often.
 */

/** Between two rounds. */
export const ASK_MS = 10_000;

/** Objects asked in one event, because the platform limits its calls. */
const EVENT_MAX = 1_000;

/** An object that did not answer so often is left alone. It reports its next change by itself. */
const FAILURES_MAX = 3;

export class AskedObjects {
  /** By key of the object: how often it did not answer. */
  readonly #failures = new Map<string, number>();
  /** Those that the round which has begun has not asked yet. */
  #unasked: string[] = [];
  #begunMs = -Infinity;

  get size(): number {
    return this.#failures.size;
  }

  /** It has changed. */
  changed(key: string): void {
    this.#failures.set(key, 0);
  }

  /** Nothing has changed about it, or it is deleted. */
  rests(key: string): void {
    this.#failures.delete(key);
  }

  failed(key: string): void {
    const failures = this.#failures.get(key);
    if (failures === undefined) return;
    if (failures + 1 < FAILURES_MAX) this.#failures.set(key, failures + 1);
    else this.#failures.delete(key);
  }

  clear(): void {
    this.#failures.clear();
    this.#unasked = [];
  }

  /** Those to ask now. */
  next(nowMs: number): string[] {
    if (this.#unasked.length === 0) {
      this.#unasked = [...this.#failures.keys()];
      this.#begunMs = nowMs;
    }
    return this.#unasked.splice(0, EVENT_MAX);
  }

  /** When to ask next; null: nobody has changed. */
  dueMs(nowMs: number): number | null {
    if (this.#unasked.length > 0) return nowMs + 1;
    if (this.#failures.size === 0) return null;
    const dueMs = this.#begunMs + ASK_MS;
    return dueMs > nowMs && dueMs <= nowMs + ASK_MS ? dueMs : nowMs + ASK_MS;
  }
}
