/**
 * Rate window: how often an event happened in the last minute. It counts in buckets of five seconds, so its size does
 * not grow with the number of events. A count leaves the window up to five seconds late.
 */

const BUCKET_MS = 5_000;
const WINDOW_MS = 60_000;

export class RateWindow {
  /** Bucket number to count, oldest first. */
  readonly #buckets: Map<number, number>;

  constructor(stored: readonly (readonly [bucket: number, count: number])[] = []) {
    this.#buckets = new Map(stored);
  }

  add(count: number, nowMs: number): void {
    const bucket = Math.floor(nowMs / BUCKET_MS);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + count);
    this.#forget(nowMs);
  }

  /** In the last minute. */
  count(nowMs: number): number {
    this.#forget(nowMs);
    let sum = 0;
    for (const count of this.#buckets.values()) sum += count;
    return sum;
  }

  /** When the count is no longer above the threshold if nothing more happens; null if it is not. */
  fallsToMs(threshold: number, nowMs: number): number | null {
    let left = this.count(nowMs);
    for (const [bucket, count] of this.#buckets) {
      if (left <= threshold) return null;
      left -= count;
      if (left <= threshold) return leavesMs(bucket);
    }
    return null;
  }

  toStored(): [number, number][] {
    return [...this.#buckets];
  }

  #forget(nowMs: number): void {
    for (const bucket of this.#buckets.keys()) {
      if (leavesMs(bucket) > nowMs) return;
      this.#buckets.delete(bucket);
    }
  }
}

function leavesMs(bucket: number): number {
  return (bucket + 1) * BUCKET_MS + WINDOW_MS;
}
