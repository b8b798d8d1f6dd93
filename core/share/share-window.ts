/**
 * Share window: what a share group knows of one partition. Everything before `startOffset` is done, and nothing at or
 * after `endOffset` was ever handed out. Between them are runs of records in the same state, without gaps:
 *
 *   available   waits for a member. Left by being acquired
 *   acquired    locked by one member until a time. Left by accept, release, reject, or when the lock ends
 *   done        accepted, archived, or no record at all (removed, compacted away, of an aborted transaction). Never left
 *
 * As KIP-932 has it, each acquisition counts as a delivery, whatever becomes of it, and a record that becomes free again
 * after its last permitted delivery is archived instead. Records that are not done are bounded, and runs of done ones merge,
 * so that the whole window is small enough for one row.
 */

import type { DeathReason } from '../../protocol/schemas/death-reasons.ts';
import { SHARE_IN_FLIGHT_MAX } from '../../protocol/limits.ts';
import { endOfRunAt, nextStartAfter, type Ranges } from '../queue/state/ranges.ts';

interface RunState {
  kind: 'available' | 'acquired' | 'done';
  /** How often it was acquired. */
  deliveries: number;
  /** When its lock ends, and whose it is; 0 and empty if it is not acquired. */
  expiresAtMs: number;
  memberId: string;
}

export interface ShareRun extends RunState {
  start: number;
  end: number;
}

/** Records `[start, end)` with the number of this delivery. */
export interface Acquired {
  start: number;
  end: number;
  deliveries: number;
}

/** Records that were archived without having been accepted. */
export interface Archived extends Acquired {
  reason: Extract<DeathReason, 'rejected' | 'delivery_limit'>;
}

export interface Lock {
  memberId: string;
  expiresAtMs: number;
}

/** Runs follow each other from `start`; members are named once. */
export interface StoredWindow {
  start: number;
  archived: number;
  members: string[];
  runs: [length: number, kind: 0 | 1 | 2, deliveries: number, expiresAtMs?: number, member?: number][];
}

const KINDS = ['available', 'acquired', 'done'] as const;
const DONE: RunState = { kind: 'done', deliveries: 0, expiresAtMs: 0, memberId: '' };

export class ShareWindow {
  #startOffset: number;
  #runs: ShareRun[] = [];
  /** Records archived since the group began here. */
  archivedCount: number;
  /** True if it differs from what was stored. */
  isChanged = false;

  /** @param from the start of a new window, or what `toStored` gave */
  constructor(from: number | StoredWindow) {
    if (typeof from === 'number') {
      this.#startOffset = from;
      this.archivedCount = 0;
      return;
    }
    this.#startOffset = from.start;
    this.archivedCount = from.archived;
    let start = from.start;
    for (const [length, kind, deliveries, expiresAtMs = 0, member] of from.runs) {
      const memberId = member === undefined ? '' : from.members[member]!;
      this.#runs.push({
        start,
        end: start + length,
        kind: KINDS[kind],
        deliveries,
        expiresAtMs,
        memberId,
      });
      start += length;
    }
  }

  get startOffset(): number {
    return this.#startOffset;
  }

  get endOffset(): number {
    return this.#runs.at(-1)?.end ?? this.#startOffset;
  }

  get runs(): readonly Readonly<ShareRun>[] {
    return this.#runs;
  }

  count(kind: 'available' | 'acquired'): number {
    return this.#runs.reduce((sum, run) => (run.kind === kind ? sum + run.end - run.start : sum), 0);
  }

  /** When the first lock ends, in ms; null if nothing is locked. */
  get nextExpiryMs(): number | null {
    const locked = this.#runs.filter(({ kind }) => kind === 'acquired');
    return locked.length === 0 ? null : Math.min(...locked.map(({ expiresAtMs }) => expiresAtMs));
  }

  /** The first record that can be acquired at or after an offset; the end of the window if it has none. */
  nextAvailable(from: number): number {
    const run = this.#runs.find(({ kind, end }) => kind === 'available' && end > from);
    return run ? Math.max(run.start, from) : Math.max(from, this.endOffset);
  }

  /** What lies before the start of the log is done, whatever became of it. */
  advanceTo(logStartOffset: number): void {
    if (logStartOffset <= this.#startOffset) return;
    const end = Math.min(logStartOffset, this.endOffset);
    if (end > this.#startOffset) this.#set(this.#startOffset, end, DONE);
    if (logStartOffset > this.endOffset) this.#append(logStartOffset, DONE);
    this.#trim();
  }

  /** Ends locks whose time is over, and archives what has been delivered as often as it may be. */
  expire(nowMs: number, deliveryLimit: number): Archived[] {
    const archived: Archived[] = [];
    for (const run of [...this.#runs]) {
      const isOver = run.kind === 'acquired' && run.expiresAtMs <= nowMs;
      if (isOver || (run.kind === 'available' && run.deliveries >= deliveryLimit))
        archived.push(...this.#free(run.start, run.end, run.deliveries, deliveryLimit));
    }
    this.#trim();
    return archived;
  }

  /**
   * Acquires up to `max` records of `[from, to)`. What is no record there, or none any more, is done.
   * @param from no later than the end of the window
   * @param existing the offsets of `[from, to)` that are records
   */
  acquire(from: number, to: number, existing: Ranges, max: number, lock: Lock): Acquired[] {
    const taken: Acquired[] = [];
    let left = Math.max(0, max);
    const take = (start: number, limit: number, deliveries: number): number => {
      const end = Math.min(limit, start + left);
      left -= end - start;
      const last = taken.at(-1);
      if (last?.end === start && last.deliveries === deliveries) last.end = end;
      else taken.push({ start, end, deliveries });
      return end;
    };
    for (const run of this.#runs.filter(({ kind, end }) => kind === 'available' && end > from)) {
      const limit = Math.min(run.end, to);
      for (let at = Math.max(run.start, from); at < limit && left > 0;) {
        const existingEnd = Math.min(endOfRunAt(existing, at), limit);
        if (existingEnd > at) {
          const deliveries = run.deliveries + 1;
          const end = take(at, existingEnd, deliveries);
          this.#set(at, end, { kind: 'acquired', deliveries, ...lock });
          at = end;
        } else {
          const next = Math.min(nextStartAfter(existing, at), limit);
          this.#set(at, next, DONE);
          at = next;
        }
      }
    }
    let room = SHARE_IN_FLIGHT_MAX - this.count('acquired') - this.count('available');
    while (this.endOffset < to && left > 0 && room > 0) {
      const at = this.endOffset;
      const existingEnd = Math.min(endOfRunAt(existing, at), to);
      if (existingEnd > at) {
        const end = take(at, Math.min(existingEnd, at + room), 1);
        this.#append(end, { kind: 'acquired', deliveries: 1, ...lock });
        room -= end - at;
      } else this.#append(Math.min(nextStartAfter(existing, at), to), DONE);
    }
    this.#trim();
    return taken;
  }

  /** True if nothing beyond its end can be acquired until something in it is done. */
  get isFull(): boolean {
    return this.count('acquired') + this.count('available') >= SHARE_IN_FLIGHT_MAX;
  }

  /** The run that holds the offset; null if the offset lies outside the window. */
  runAt(offset: number): Readonly<ShareRun> | null {
    return this.#runs[this.#indexOf(offset)] ?? null;
  }

  accept(start: number, end: number): void {
    this.#set(start, end, DONE);
    this.#trim();
  }

  acceptAll(runs: readonly Acquired[]): void {
    for (const { start, end } of runs) this.#set(start, end, DONE);
    this.#trim();
  }

  /** Gives back records that were acquired together; archives them if that was their last delivery. */
  release(start: number, end: number, deliveryLimit: number): Archived | null {
    const { deliveries } = this.#acquiredAt(start);
    const [archived = null] = this.#free(start, end, deliveries, deliveryLimit);
    this.#trim();
    return archived;
  }

  reject(start: number, end: number): Archived {
    const { deliveries } = this.#acquiredAt(start);
    this.#set(start, end, DONE);
    this.archivedCount += end - start;
    this.#trim();
    return { start, end, deliveries, reason: 'rejected' };
  }

  extend(start: number, end: number, expiresAtMs: number): void {
    const { deliveries, memberId } = this.#acquiredAt(start);
    this.#set(start, end, { kind: 'acquired', deliveries, memberId, expiresAtMs });
  }

  toStored(): StoredWindow {
    const members: string[] = [];
    const runs = this.#runs.map((run): StoredWindow['runs'][number] => {
      const { start, end, kind, deliveries, expiresAtMs, memberId } = run;
      const length = end - start;
      if (kind !== 'acquired') return [length, kind === 'done' ? 2 : 0, deliveries];
      let member = members.indexOf(memberId);
      if (member === -1) member = members.push(memberId) - 1;
      return [length, 1, deliveries, expiresAtMs, member];
    });
    return { start: this.#startOffset, archived: this.archivedCount, members, runs };
  }

  #free(start: number, end: number, deliveries: number, deliveryLimit: number): Archived[] {
    if (deliveries < deliveryLimit) {
      this.#set(start, end, { ...DONE, kind: 'available', deliveries });
      return [];
    }
    this.#set(start, end, DONE);
    this.archivedCount += end - start;
    return [{ start, end, deliveries, reason: 'delivery_limit' }];
  }

  #acquiredAt(offset: number): Readonly<ShareRun> {
    const run = this.runAt(offset);
    if (run?.kind !== 'acquired') throw new Error(`record ${offset} is not acquired`);
    return run;
  }

  /** Makes `[start, end)`, which lies in the window, one run, joined with its neighbours if they are alike. */
  #set(start: number, end: number, state: RunState): void {
    const first = this.#indexOf(start);
    let last = first;
    while (this.#runs[last]!.end < end) last += 1;
    const head = this.#runs[first]!;
    const tail = this.#runs[last]!;
    const parts: ShareRun[] = [{ ...state, start, end }];
    if (head.start < start) parts.unshift({ ...head, end: start });
    if (tail.end > end) parts.push({ ...tail, start: end });
    const from = Math.max(0, first - 1);
    const to = Math.min(this.#runs.length, last + 2);
    const around = [...this.#runs.slice(from, first), ...parts, ...this.#runs.slice(last + 1, to)];
    this.#runs.splice(from, to - from, ...joined(around));
    this.isChanged = true;
  }

  #append(end: number, state: RunState): void {
    const added = { ...state, start: this.endOffset, end };
    const last = this.#runs.pop();
    this.#runs.push(...joined(last ? [last, added] : [added]));
    this.isChanged = true;
  }

  #trim(): void {
    const [first] = this.#runs;
    if (first?.kind !== 'done') return;
    this.#startOffset = first.end;
    this.#runs.shift();
  }

  /** The index of the run that holds the offset; -1 if none does. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#runs[middle]!.end <= offset) low = middle + 1;
      else high = middle;
    }
    return low < this.#runs.length && offset >= this.#startOffset ? low : -1;
  }
}

function joined(runs: readonly ShareRun[]): ShareRun[] {
  const result: ShareRun[] = [];
  for (const run of runs) {
    const last = result.at(-1);
    if (last && isAlike(last, run)) last.end = run.end;
    else result.push({ ...run });
  }
  return result;
}

function isAlike(a: RunState, b: RunState): boolean {
  return (
    a.kind === b.kind &&
    a.deliveries === b.deliveries &&
    a.expiresAtMs === b.expiresAtMs &&
    a.memberId === b.memberId
  );
}
