/**
 * Segment state: the delivery state of one segment of a lane. A segment has a state from its first delivery until all of
 * its messages are finished.
 *
 *   [baseOffset, cursor)     deliveries have looked at these: each message is finished, leased, or returned (it waits)
 *   [cursor, nextOffset)     backlog
 *
 * Returned messages are those in neither of the other two sets, so they need no memory.
 */

import { addRange, covers, endOfRunAt, nextStartAfter, sizeOf, type Ranges } from './ranges.ts';

/** The range of offsets and bytes of a segment. Offsets are half-open. */
export interface LaneExtent {
  lane: number;
  baseOffset: number;
  nextOffset: number;
  /** Bytes that were appended to the lane before it. */
  position: number;
  bytes: number;
  /** True if no message in it has an ordering key, a time to live of its own, or earlier deliveries. */
  isPlain: boolean;
}

/** A run of messages that one consumer holds until a time. */
export interface Lease {
  start: number;
  end: number;
  expiresAtMs: number;
  consumerId: string;
  /** When they were delivered, in ms. */
  sinceMs: number;
}

/** The attempts of a message that was returned at least once. */
export interface Attempts {
  /** How often it was delivered from this offset. */
  deliveries: number;
  /** How many of those failed: nacked, or the lease expired. */
  failures: number;
  /** When the first and the last attempt that failed began, in ms; 0: none has failed. */
  firstMs: number;
  lastMs: number;
}

export const NO_ATTEMPTS: Readonly<Attempts> = { deliveries: 1, failures: 0, firstMs: 0, lastMs: 0 };

/** Returns the attempts with one more that failed, and began at `sinceMs`. */
export function withFailure(attempts: Readonly<Attempts>, sinceMs: number): Attempts {
  return {
    ...attempts,
    failures: attempts.failures + 1,
    firstMs: attempts.firstMs || sinceMs,
    lastMs: sinceMs,
  };
}

export interface StoredSegmentState {
  cursor: number;
  settled: Ranges;
  leases: [start: number, end: number, expiresAtMs: number, consumer: number, sinceMs?: number][];
  consumers: string[];
  /** Runs of messages that have the same attempts. */
  attempts: [
    start: number,
    end: number,
    deliveries: number,
    failures: number,
    firstMs?: number,
    lastMs?: number,
  ][];
}

export class SegmentState {
  readonly extent: LaneExtent;
  /** The row that holds it; null before it is first written. */
  slot: number | null = null;
  /** `nextOffset` in the stored row. */
  storedNextOffset = -1;
  cursor: number;
  leased = 0;
  settled = 0;
  /** No returned message expires before this time, in ms, by the queue's time to live; null: nobody has looked since one came. */
  #expiry: { ttlMs: number | null; atMs: number } | null = null;
  readonly #settled: Ranges;
  /** Sorted by start, disjoint. */
  readonly #leases: Lease[] = [];
  readonly #attempts = new Map<number, Readonly<Attempts>>();

  constructor(extent: LaneExtent, stored?: StoredSegmentState) {
    this.extent = extent;
    this.cursor = stored?.cursor ?? extent.baseOffset;
    this.#settled = stored?.settled ?? [];
    this.settled = sizeOf(this.#settled);
    if (!stored) return;
    for (const [start, end, expiresAtMs, consumer, sinceMs = 0] of stored.leases) {
      this.#leases.push({ start, end, expiresAtMs, consumerId: stored.consumers[consumer]!, sinceMs });
      this.leased += end - start;
    }
    for (const [start, end, deliveries, failures, firstMs = 0, lastMs = 0] of stored.attempts) {
      const attempts = { deliveries, failures, firstMs, lastMs };
      for (let offset = start; offset < end; offset++) this.#attempts.set(offset, attempts);
    }
  }

  get returned(): number {
    return this.cursor - this.extent.baseOffset - this.settled - this.leased;
  }

  get isComplete(): boolean {
    return this.settled === this.extent.nextOffset - this.extent.baseOffset;
  }

  get leases(): readonly Readonly<Lease>[] {
    return this.#leases;
  }

  /** Returns before when no returned message expires, in ms; -Infinity: nobody knows. */
  expiryFrom(ttlMs: number | null): number {
    return this.#expiry?.ttlMs === ttlMs ? this.#expiry.atMs : -Infinity;
  }

  noteExpiryFrom(ttlMs: number | null, atMs: number): void {
    this.#expiry = { ttlMs, atMs };
  }

  /** Moves the cursor. The messages that it passes are returned ones, and nobody has looked when they expire. */
  moveTo(cursor: number): void {
    this.cursor = cursor;
    this.#expiry = null;
  }

  isSettled(offset: number): boolean {
    return covers(this.#settled, offset);
  }

  leaseAt(offset: number): Readonly<Lease> | null {
    const lease = this.#leases[this.#leaseIndex(offset)];
    return lease && lease.end > offset ? lease : null;
  }

  attemptsOf(offset: number): Readonly<Attempts> | undefined {
    return this.#attempts.get(offset);
  }

  /** Returns whether some message of the segment was returned at least once. */
  get hasAttempts(): boolean {
    return this.#attempts.size > 0;
  }

  noteAttempts(offset: number, attempts: Readonly<Attempts>): void {
    this.#attempts.set(offset, attempts);
  }

  /** Marks messages as finished, whatever became of them. They must not be leased. */
  settle(start: number, end: number): void {
    addRange(this.#settled, start, end);
    this.settled += end - start;
    if (this.#attempts.size > 0)
      for (let offset = start; offset < end; offset++) this.#attempts.delete(offset);
  }

  lease(lease: Lease): void {
    this.leased += lease.end - lease.start;
    const before = this.#leaseIndex(lease.start);
    const previous = this.#leases[before];
    if (
      previous?.end === lease.start &&
      previous.expiresAtMs === lease.expiresAtMs &&
      previous.sinceMs === lease.sinceMs &&
      previous.consumerId === lease.consumerId
    ) {
      previous.end = lease.end;
    } else this.#leases.splice(before + 1, 0, { ...lease });
  }

  /** Ends the lease of messages that are under one lease; of one message without `end`. */
  unlease(start: number, end = start + 1): void {
    const index = this.#leaseIndex(start);
    const lease = this.#leases[index]!;
    this.#expiry = null;
    this.leased -= end - start;
    if (lease.start === start) lease.start = end;
    else if (lease.end === end) lease.end = start;
    else {
      this.#leases.splice(index + 1, 0, { ...lease, start: end });
      lease.end = start;
    }
    if (lease.start === lease.end) this.#leases.splice(index, 1);
  }

  /** Returns the next run of returned messages at or after the offset; null if there is none. */
  nextReturned(from: number): { start: number; end: number } | null {
    let start = Math.max(from, this.extent.baseOffset);
    while (start < this.cursor) {
      const settledEnd = endOfRunAt(this.#settled, start);
      if (settledEnd > start) {
        start = settledEnd;
        continue;
      }
      const index = this.#leaseIndex(start);
      const lease = this.#leases[index];
      if (lease && lease.end > start) {
        start = lease.end;
        continue;
      }
      const nextLease = this.#leases[index + 1]?.start ?? Infinity;
      return { start, end: Math.min(this.cursor, nextLease, nextStartAfter(this.#settled, start)) };
    }
    return null;
  }

  toStored(): StoredSegmentState {
    const consumers: string[] = [];
    const leases = this.#leases.map(({ start, end, expiresAtMs, consumerId, sinceMs }) => {
      let consumer = consumers.indexOf(consumerId);
      if (consumer === -1) consumer = consumers.push(consumerId) - 1;
      return [start, end, expiresAtMs, consumer, sinceMs] as [number, number, number, number, number];
    });
    const attempts: StoredSegmentState['attempts'] = [];
    for (const [offset, of] of [...this.#attempts].sort(([a], [b]) => a - b)) {
      const { deliveries, failures, firstMs, lastMs } = of;
      const last = attempts[attempts.length - 1];
      const isAlike =
        last?.[1] === offset &&
        last[2] === deliveries &&
        last[3] === failures &&
        last[4] === firstMs &&
        last[5] === lastMs;
      if (isAlike) last[1] = offset + 1;
      else attempts.push([offset, offset + 1, deliveries, failures, firstMs, lastMs]);
    }
    return { cursor: this.cursor, settled: [...this.#settled], leases, consumers, attempts };
  }

  /** Returns the index of the last lease that begins at or before the offset; -1 if none does. */
  #leaseIndex(offset: number): number {
    let low = 0;
    let high = this.#leases.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#leases[middle]!.start <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
