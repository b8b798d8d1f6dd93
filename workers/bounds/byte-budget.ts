/**
 * Byte budget: how many bytes one isolate holds for its requests at once. Large requests leave a part free for small
 * ones, so that small ones continue while large ones wait or are refused. A waiting request holds nothing.
 */

export interface ByteBudgetOptions {
  /** Bytes held at once by all. */
  bytesMax: number;
  /** Of these, the bytes that only small requests may take. */
  smallShare: number;
  /** A request of at most so many bytes is small. */
  smallBytesMax: number;
}

interface Waiter {
  bytes: number;
  /** When it last looked. A request that the runtime has ended looks no more, and is passed over. */
  lookedMs: number;
}

/** How often one that waits looks for room. */
const LOOK_MS = 20;

/** A waiter that has not looked for so long is gone. */
const GONE_MS = 1_000;

export class ByteBudget {
  readonly #options: ByteBudgetOptions;
  /** Large requests in the order in which they came. */
  readonly #waiting = new Set<Waiter>();
  /** Bytes that are held now, by large requests and by small ones. */
  #largeHeld = 0;
  #smallHeld = 0;

  constructor(options: ByteBudgetOptions) {
    this.#options = options;
  }

  /** Bytes that are held now. */
  get held(): number {
    return this.#largeHeld + this.#smallHeld;
  }

  /** Bytes that are free for a large request. */
  get roomForLarge(): number {
    const { bytesMax, smallShare } = this.#options;
    return Math.max(0, bytesMax - smallShare - this.held);
  }

  /** Takes the bytes if there is room and no earlier request waits. */
  tryTake(bytes: number): boolean {
    const isBehind = this.#waiting.size > 0 && !this.#isSmall(bytes);
    if (isBehind || !this.#hasRoomFor(bytes)) return false;
    this.#add(bytes, this.#isSmall(bytes));
    return true;
  }

  /**
   * Takes the bytes as soon as there is room. Each waiter looks by a timer of its own: the runtime gives up a request that
   * only another request can wake, and a request whose client has gone never runs again.
   *
   * @returns false if there was none within the time
   */
  async take(bytes: number, waitMs: number): Promise<boolean> {
    if (this.tryTake(bytes)) return true;
    if (waitMs <= 0) return false;
    const waiter: Waiter = { bytes, lookedMs: Date.now() };
    const endMs = waiter.lookedMs + waitMs;
    this.#waiting.add(waiter);
    try {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        waiter.lookedMs = Date.now();
        if (this.#isFirst(waiter) && this.#hasRoomFor(bytes)) {
          this.#add(bytes, false);
          return true;
        }
        if (waiter.lookedMs >= endMs) return false;
      }
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  /** Takes more, or less, for a request that holds some already. @returns false if nothing has changed for want of room */
  resize(from: number, to: number): boolean {
    this.#add(-from, this.#isSmall(from));
    const fits = this.#hasRoomFor(to);
    const bytes = fits ? to : from;
    this.#add(bytes, this.#isSmall(bytes));
    return fits;
  }

  /** Gives back everything that one request has taken. */
  release(bytes: number): void {
    this.#add(-bytes, this.#isSmall(bytes));
  }

  /**
   * Returns when to repeat a refused request, in seconds: one for each time that the waiting requests fill the budget.
   */
  retryAfterS(): number {
    return Math.min(RETRY_AFTER_S_MAX, 1 + Math.ceil(this.#waitingBytes() / this.#options.bytesMax));
  }

  /** Whether nobody waits who came earlier. */
  #isFirst(waiter: Waiter): boolean {
    for (const earlier of this.#waiting) {
      if (earlier === waiter) return true;
      if (waiter.lookedMs - earlier.lookedMs < GONE_MS) return false;
      this.#waiting.delete(earlier);
    }
    return true; // it was thought to be gone itself
  }

  #waitingBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#waiting) sum += bytes;
    return sum;
  }

  #hasRoomFor(bytes: number): boolean {
    const { bytesMax, smallShare } = this.#options;
    if (this.#isSmall(bytes)) return this.held + bytes <= bytesMax || this.#smallHeld + bytes <= smallShare;
    // One that is larger than the whole budget is the only large one in it: it would never be served otherwise.
    return this.#largeHeld === 0 || this.held + bytes <= bytesMax - smallShare;
  }

  #isSmall(bytes: number): boolean {
    return bytes <= this.#options.smallBytesMax;
  }

  #add(bytes: number, isSmall: boolean): void {
    if (isSmall) this.#smallHeld += bytes;
    else this.#largeHeld += bytes;
  }
}

const RETRY_AFTER_S_MAX = 10;
