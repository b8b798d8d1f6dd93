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
  resolve: (isAdmitted: boolean) => void;
}

export class ByteBudget {
  readonly #options: ByteBudgetOptions;
  /** Large requests in the order in which they came. */
  readonly #waiting = new Set<Waiter>();
  #waitingBytes = 0;
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

  /** Takes the bytes if there is room and no earlier request waits. */
  tryTake(bytes: number): boolean {
    const isBehind = this.#waiting.size > 0 && !this.#isSmall(bytes);
    if (isBehind || !this.#hasRoomFor(bytes)) return false;
    this.#add(bytes, this.#isSmall(bytes));
    return true;
  }

  /** Takes the bytes as soon as there is room. @returns false if there was none within the time */
  async take(bytes: number, waitMs: number): Promise<boolean> {
    if (this.tryTake(bytes)) return true;
    if (waitMs <= 0) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter: Waiter = { bytes, resolve };
    this.#waiting.add(waiter);
    this.#waitingBytes += bytes;
    const timer = setTimeout(() => {
      if (this.#leave(waiter, false)) this.#admitNext(); // a smaller one behind it may fit
    }, waitMs);
    const isAdmitted = await promise;
    clearTimeout(timer); // here: a timer belongs to the request that has set it
    return isAdmitted;
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
    this.#admitNext();
  }

  /**
   * Returns when to repeat a refused request, in seconds: one for each time that the waiting requests fill the budget.
   */
  retryAfterS(): number {
    return Math.min(RETRY_AFTER_S_MAX, 1 + Math.ceil(this.#waitingBytes / this.#options.bytesMax));
  }

  #admitNext(): void {
    for (const waiter of this.#waiting) {
      if (!this.#hasRoomFor(waiter.bytes)) return;
      this.#add(waiter.bytes, false);
      this.#leave(waiter, true);
    }
  }

  /** @returns false for one that has left already */
  #leave(waiter: Waiter, isAdmitted: boolean): boolean {
    if (!this.#waiting.delete(waiter)) return false;
    this.#waitingBytes -= waiter.bytes;
    waiter.resolve(isAdmitted);
    return true;
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
