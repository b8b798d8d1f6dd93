/**
 * Rate bucket: how many messages may still go at a rate. It holds what one second allows, and fills evenly.
 *
 * A request is let in while the bucket holds a whole message, however many it has itself, because their number is known late
 * and a request cannot be cut. What it has more than the bucket is a debt, which must be filled up first. So over any time the
 * sum is at most the rate times that time, one second's worth, and one request.
 */

/** `level` is what may go at `atMs`; below 0 it is a debt. */
export interface RateBucket {
  readonly level: number;
  readonly atMs: number;
}

const SECOND_MS = 1_000;

/** A message, but for what sums of fractions lose. */
const WHOLE = 1 - 1e-6;

export function fullBucket(perS: number, nowMs: number): RateBucket {
  return { level: capacityOf(perS), atMs: nowMs };
}

/** Returns how long to wait until something may go, in ms; 0: now. */
export function waitMs(bucket: RateBucket, perS: number, nowMs: number): number {
  const { level } = filled(bucket, perS, nowMs);
  return level >= WHOLE ? 0 : Math.ceil(((WHOLE - level) * SECOND_MS) / perS);
}

/** Returns the bucket without what goes now. */
export function taken(bucket: RateBucket, perS: number, nowMs: number, count: number): RateBucket {
  const { level } = filled(bucket, perS, nowMs);
  return { level: level - count, atMs: nowMs };
}

/** Returns true for a bucket that is as good as a new one. */
export function isFull(bucket: RateBucket, perS: number, nowMs: number): boolean {
  return filled(bucket, perS, nowMs).level >= capacityOf(perS);
}

/** A clock that was put back fills nothing. A rate that was lowered leaves no more than its own second. */
function filled({ level, atMs }: RateBucket, perS: number, nowMs: number): RateBucket {
  const gained = (Math.max(0, nowMs - atMs) * perS) / SECOND_MS;
  return { level: Math.min(capacityOf(perS), level + gained), atMs: nowMs };
}

/** A rate below one a second still lets one go at a time. */
function capacityOf(perS: number): number {
  return Math.max(1, perS);
}
