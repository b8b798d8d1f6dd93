/**
 * Spread: among how many leaves of its continent a router chooses the follower that it asks. 0 stands for the root. Each answer
 * tells the router its next spread, by how often the follower that answers is asked. So no object counts routers.
 */

/** Leaves of one continent. All continents together ask the root at most some 900 times a second. */
export const LEAVES_MAX = 32;

/**
 * What a router begins with: routers that start at the same time must meet neither at the root nor at one leaf. A thousand of them
 * begin with two or three calls each, which take one leaf two seconds and eight leaves a quarter of one. More would wake leaves that
 * a start of few routers does not need.
 */
export const SPREAD_AT_START = 8;

/** What a router goes on with after a follower did not answer, which may have too much to do. */
export const SPREAD_AFTER_FAILURE = LEAVES_MAX;

/** An object answers about 1,000 calls a second. */
const CROWDED_PER_SECOND = 400;
/** Below a quarter of it, so that halving does not crowd the leaves again. */
const SPARSE_PER_SECOND = 100;
/** A leaf with fewer is not worth being awake. */
const LONELY_PER_SECOND = 20;

/** @param asksPerSecond how often the follower that answers is asked */
export function nextSpread(spread: number, asksPerSecond: number): number {
  if (asksPerSecond > CROWDED_PER_SECOND) {
    const doublings = Math.ceil(Math.log2(asksPerSecond / CROWDED_PER_SECOND));
    return Math.min(Math.max(spread * 2 ** doublings, 1), LEAVES_MAX);
  }
  if (spread > 1) return asksPerSecond < SPARSE_PER_SECOND ? spread >> 1 : spread;
  return spread === 1 && asksPerSecond >= LONELY_PER_SECOND ? 1 : 0;
}

/** @param chance from 0 to 1, drawn once for each router: it stays with its leaf */
export function leafOf(spread: number, chance: number): number | null {
  return spread === 0 ? null : Math.floor(chance * LEAVES_MAX) % spread;
}

/** Counts calls in windows of a second. */
export class AskRate {
  #windowMs = 0;
  #count = 0;
  #before = 0;

  /** Counts a call. @returns calls a second: of this window or the one before, whichever had more */
  note(nowMs: number): number {
    const elapsedMs = nowMs - this.#windowMs;
    if (elapsedMs < 0 || elapsedMs >= 1_000) {
      this.#before = elapsedMs >= 0 && elapsedMs < 2_000 ? this.#count : 0;
      this.#windowMs = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    return Math.max(this.#count, this.#before);
  }
}
