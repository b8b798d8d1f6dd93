/**
 * Refusal pauses: how long refused calls wait for their answer. A client that waits as `Retry-After` says never notices. One that sends
 * again as soon as it is refused would otherwise take the processor from other tenants of the isolate: each of its connections then has
 * some calls a second instead of hundreds.
 */

/** Refusals of one spender in a second that are answered at once. */
const AT_ONCE_PER_SECOND = 20;

const PAUSE_MS = 250;

/** Pauses differ by this, so that what was refused together does not come back together. */
const STEP_MS = 16;
const STEPS = 16;

/** Answers that wait in one isolate. Above it they leave at once: waiting calls take memory. */
const WAITING_MAX = 1_000;

/** Spenders that are counted; above it counting begins anew. */
const SPENDERS_MAX = 10_000;

export class RefusalPauses {
  readonly #counts = new Map<string, { windowMs: number; count: number }>();
  #waiting = 0;

  /** Notes a refusal. @returns how long its answer waits; unless it is 0, `ended` has to be called after that time */
  begin(spender: string, nowMs: number): number {
    let counted = this.#counts.get(spender);
    const elapsedMs = nowMs - (counted?.windowMs ?? 0);
    if (!counted || elapsedMs < 0 || elapsedMs >= 1_000) {
      if (this.#counts.size >= SPENDERS_MAX) this.#counts.clear();
      counted = { windowMs: nowMs, count: 0 };
      this.#counts.set(spender, counted);
    }
    counted.count += 1;
    if (counted.count <= AT_ONCE_PER_SECOND || this.#waiting >= WAITING_MAX) return 0;
    this.#waiting += 1;
    return PAUSE_MS + (counted.count % STEPS) * STEP_MS;
  }

  ended(): void {
    this.#waiting -= 1;
  }
}
