/**
 * Wave: the messages that come back after a batch was stored. Whoever waited for the batch publishes again at about the same time, so
 * the next batch waits a moment for all of them. Sent at once, it would go with the first few, and each wave would stay in pieces.
 */

/** After a smaller batch nothing waits: there is little to save. */
const MESSAGES_MIN = 16;

/**
 * Without a new message for so long, in ms, nobody else is expected; or for as long as the batch took, if that is longer: a machine
 * that is busy is also slow to publish again.
 */
const QUIET_MS = 4;

/** The longest wait at all, in ms, however long the batch took. */
const GATHER_MS_MAX = 100;

/** Of one destination. */
export interface BatchWait {
  /** A batch of so many messages was stored, which took some time, while others waited. */
  begin(stored: number, waiting: number, tookMs: number): void;
  /** Whether the messages that wait, at least one, are to wait for others. */
  holds(count: number): boolean;
  /** They go now. */
  end(): void;
}

export class Wave implements BatchWait {
  readonly #gatherMs: number;
  readonly #over: () => void;
  readonly #goes: () => void;
  /** How many messages make the wave whole; 0: nothing is awaited. */
  #expected = 0;
  #untilMs = 0;
  #quietMs = QUIET_MS;
  /** Messages that were there at the last look. */
  #seen = 0;
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param gatherMs the longest wait after a batch was stored, unless the batch took longer itself
   * @param over called when what waits goes, though the wave is not whole
   * @param goes called before a wave goes: what is to arrive with it goes as well
   */
  constructor(gatherMs: number, over: () => void, goes: () => void = () => {}) {
    this.#gatherMs = gatherMs;
    this.#over = over;
    this.#goes = goes;
  }

  begin(stored: number, waiting: number, tookMs: number): void {
    if (stored < MESSAGES_MIN) return;
    this.#expected = stored + waiting;
    const gatherMs = Math.min(Math.max(this.#gatherMs, tookMs), GATHER_MS_MAX);
    this.#untilMs = performance.now() + gatherMs;
    this.#quietMs = Math.min(Math.max(QUIET_MS, tookMs), gatherMs);
  }

  holds(count: number): boolean {
    if (this.#expected === 0) return false;
    const leftMs = this.#untilMs - performance.now();
    if (count >= this.#expected || leftMs <= 0) {
      this.end();
      return false;
    }
    this.#count = count;
    if (this.#timer === undefined) {
      this.#seen = count;
      this.#timer = setTimeout(() => this.#look(), Math.min(this.#quietMs, leftMs));
    }
    return true;
  }

  end(): void {
    if (this.#expected > 0) this.#goes();
    this.#expected = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#count === this.#seen) this.end();
    this.#over();
  }
}
