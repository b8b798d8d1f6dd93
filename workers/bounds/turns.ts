/**
 * Turns: whether the runtime still looks at all of its connections. It looks only when it has nothing left to do. Where each
 * write waits for a slow disk, the next request of a busy connection is there before the last one is done, so that a few
 * connections can keep it busy for seconds. The others are not read meanwhile, and are closed as idle when it looks again.
 *
 * A timer fires only when the runtime looks. So one timer is always under way while requests come, and while it is late
 * each request waits for a timer of its own: soon all busy connections wait, and the runtime looks.
 */

/** How late a timer of no length is, in ms, before requests wait. Far more than one commit takes. */
const LATE_MS = 20;

export class Turns {
  /** When the timer began that has not fired; null if none is under way. */
  #beganMs: number | null = null;
  #firedMs = -Infinity;

  /** Whether to begin a timer that no request waits for: at most one each 20 ms. */
  needsTimer(nowMs: number): boolean {
    return this.#beganMs === null && nowMs - this.#firedMs >= LATE_MS;
  }

  begin(nowMs: number): void {
    this.#beganMs ??= nowMs;
  }

  /** Any timer that fires shows that the runtime has looked; one whose request was given up is replaced by the next. */
  fired(nowMs: number): void {
    this.#beganMs = null;
    this.#firedMs = nowMs;
  }

  /** Whether a request waits for a timer of its own before it does anything. */
  isLate(nowMs: number): boolean {
    return this.#beganMs !== null && nowMs - this.#beganMs > LATE_MS;
  }
}

const turns = new Turns();

/** Called with each request, before anything else. */
export async function takeTurn(ctx: Pick<ExecutionContext, 'waitUntil'>): Promise<void> {
  await turn((timer) => ctx.waitUntil(timer));
}

/** Called where a request goes on for long with what is there at once, such as the bytes of a large body. */
export async function pauseIfLate(): Promise<void> {
  await turn(() => {});
}

/** @param keep called with the timer that nothing waits for */
async function turn(keep: (timer: Promise<void>) => void): Promise<void> {
  const nowMs = Date.now();
  if (turns.needsTimer(nowMs)) {
    turns.begin(nowMs);
    keep(lookOfTheRuntime());
  } else if (turns.isLate(nowMs)) {
    await lookOfTheRuntime();
  }
}

async function lookOfTheRuntime(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  turns.fired(Date.now());
}
