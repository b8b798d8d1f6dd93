/**
 * Partition progress: which records of a partition a subscription has pushed, which are under way, and which wait for their next
 * attempt. It decides what is pushed next.
 *
 *   position    every record before it is settled
 *   entries     records that were read and are not settled, in order
 *   nextRead    where the next read begins
 *   failing     attempts of records that failed, by offset. They are pushed alone then, so that one that is always refused
 *               takes no others with it
 *   settled     ranges of settled records above the position: in order per key, records overtake one that fails
 *
 * A record leaves `entries` when it is settled. Released records stay, and are pushed again.
 */

import { addRange, covers, type Ranges } from '../queue/state/ranges.ts';

/** In order of each key, or of the whole partition. */
export type PushOrder = 'key' | 'partition';

/** What of a record decides. */
export interface PartitionEntry {
  readonly offset: number;
  /** Null: it has no key, and may overtake others and be overtaken. */
  readonly key: string | null;
  readonly bytes: number;
  readonly arrivedMs: number;
}

export interface FailedAttempts {
  attempts: number;
  firstMs: number;
  /** When it is tried again. */
  dueMs: number;
}

/** As it is stored: `[start, end, ...]` and `[offset, attempts, firstMs, dueMs]`, only if there are some. */
export interface StoredProgress {
  position: number;
  /** How often it was moved elsewhere: a target that knows offsets tells them apart by it. Absent: never. */
  seeks?: number;
  settled?: Ranges;
  failing?: [number, number, number, number][];
}

export interface UnitLimits {
  order: PushOrder;
  messages: number;
  bytes: number;
}

/** The records of the next request. `wakeMs`: when a record that failed is tried again, if none can be pushed before. */
export interface NextUnit<Entry> {
  unit: Entry[];
  wakeMs: number | null;
}

export class PartitionProgress<Entry extends PartitionEntry = PartitionEntry> {
  #entries: Entry[] = [];
  #nextRead: number;
  /** Before it every record was read once: what is no entry there is settled. */
  readonly #settled: Ranges;
  readonly #failing = new Map<number, FailedAttempts>();
  readonly #busy = new Set<number>();
  #settledEnd = 0;
  readonly seeks: number;
  /** Differs from what is stored. */
  isChanged = false;
  /** Of all entries. */
  bytes = 0;

  constructor({ position, seeks = 0, settled = [], failing = [] }: StoredProgress) {
    this.seeks = seeks;
    this.#nextRead = position;
    this.#settled = [...settled];
    this.#settledEnd = settled.at(-1) ?? 0;
    for (const [offset, attempts, firstMs, dueMs] of failing)
      this.#failing.set(offset, { attempts, firstMs, dueMs });
  }

  get position(): number {
    return this.#entries[0]?.offset ?? this.#nextRead;
  }

  get nextRead(): number {
    return this.#nextRead;
  }

  /** Records that were read and are not settled. */
  get size(): number {
    return this.#entries.length;
  }

  get isBusy(): boolean {
    return this.#busy.size > 0;
  }

  attemptsOf(offset: number): FailedAttempts | null {
    return this.#failing.get(offset) ?? null;
  }

  /** Adds what a read from `nextRead` on found. Records that are gone between count as settled. */
  add(found: readonly Entry[], nextOffset: number): void {
    if (nextOffset > this.#nextRead && this.#entries.length === 0) this.isChanged ||= found.length === 0;
    for (const entry of found) {
      if (covers(this.#settled, entry.offset)) continue;
      this.#entries.push(entry);
      this.bytes += entry.bytes;
    }
    this.#nextRead = Math.max(this.#nextRead, nextOffset);
  }

  /** The log begins later by now. */
  advanceTo(logStartOffset: number): void {
    if (logStartOffset <= this.#nextRead) return;
    this.#nextRead = logStartOffset;
    this.isChanged = true;
  }

  /** Forgets what was read and is not under way: it is read again. */
  dropRead(): void {
    if (this.#busy.size > 0 || this.#entries.length === 0) return;
    const { position, settled } = this.toStored();
    this.#settled.length = 0;
    this.#settled.push(...(settled ?? []));
    this.#nextRead = position;
    this.#entries = [];
    this.bytes = 0;
  }

  /** Returns the records of the next request, without taking them. */
  next({ order, messages, bytes }: UnitLimits, nowMs: number): NextUnit<Entry> {
    const unit: Entry[] = [];
    let wakeMs: number | null = null;
    let unitBytes = 0;
    const blocked = new Set<string>();
    if (order === 'partition' && this.#busy.size > 0) return { unit, wakeMs };
    for (const entry of this.#entries) {
      const { offset, key } = entry;
      if (key !== null && blocked.has(key)) continue;
      const dueMs = this.#failing.get(offset)?.dueMs ?? 0;
      if (this.#busy.has(offset) || dueMs > nowMs) {
        if (dueMs > nowMs) wakeMs = Math.min(wakeMs ?? Infinity, dueMs);
        if (order === 'partition') break;
        if (key !== null) blocked.add(key);
        continue;
      }
      const isAlone = this.#failing.has(offset);
      if (
        (isAlone && unit.length > 0) ||
        unit.length >= messages ||
        (unit.length > 0 && unitBytes + entry.bytes > bytes)
      )
        break;
      unit.push(entry);
      unitBytes += entry.bytes;
      if (isAlone) break;
    }
    return { unit, wakeMs: unit.length > 0 ? null : wakeMs };
  }

  /** The records are on their way. */
  take(unit: readonly Entry[]): void {
    for (const { offset } of unit) this.#busy.add(offset);
  }

  /** The records go back, and no attempt counts. */
  release(offsets: readonly number[]): void {
    for (const offset of offsets) this.#busy.delete(offset);
  }

  /** The records need nothing any more: the endpoint has them, or they are dead letters. */
  settle(offsets: readonly number[]): void {
    const done = new Set(offsets);
    for (const offset of offsets) {
      this.#busy.delete(offset);
      this.#failing.delete(offset);
      this.#settledEnd = Math.max(this.#settledEnd, offset + 1);
    }
    this.#entries = this.#entries.filter(({ offset, bytes }) => {
      if (done.has(offset)) this.bytes -= bytes;
      return !done.has(offset);
    });
    this.isChanged = true;
  }

  /**
   * An attempt of the records has failed.
   * @param delayOf the delay after so many failed attempts, in ms; null: there is no further attempt
   * @returns those without a further attempt, which the caller has to settle
   */
  fail(
    offsets: readonly number[],
    nowMs: number,
    delayOf: (attempts: number, offset: number) => number | null,
  ): { offset: number; attempts: FailedAttempts }[] {
    const dead: { offset: number; attempts: FailedAttempts }[] = [];
    for (const offset of offsets) {
      this.#busy.delete(offset);
      const before = this.#failing.get(offset);
      const attempts = (before?.attempts ?? 0) + 1;
      const firstMs = before?.firstMs ?? nowMs;
      const delayMs = delayOf(attempts, offset);
      const failed = { attempts, firstMs, dueMs: nowMs + (delayMs ?? 0) };
      this.#failing.set(offset, failed);
      if (delayMs === null) dead.push({ offset, attempts: failed });
    }
    this.isChanged = true;
    return dead;
  }

  toStored(): StoredProgress {
    const { position } = this;
    const settled = this.#settledAbove();
    const failing = [...this.#failing]
      .filter(([offset]) => offset >= position && !covers(settled, offset))
      .map(([offset, { attempts, firstMs, dueMs }]): [number, number, number, number] => [
        offset,
        attempts,
        firstMs,
        dueMs,
      ]);
    const { seeks } = this;
    return {
      position,
      ...(seeks > 0 && { seeks }),
      ...(settled.length > 0 && { settled }),
      ...(failing.length > 0 && { failing }),
    };
  }

  /** What is no entry, between the first entry and the last settled record. */
  #settledAbove(): Ranges {
    const settled: Ranges = [];
    this.#entries.forEach(({ offset }, index) => {
      const end = Math.min(this.#entries[index + 1]?.offset ?? this.#nextRead, this.#settledEnd);
      if (offset + 1 < end) addRange(settled, offset + 1, end);
    });
    // What was not read again since the object woke.
    for (let index = 0; index < this.#settled.length; index += 2) {
      const start = Math.max(this.#settled[index]!, this.#nextRead);
      const end = this.#settled[index + 1]!;
      if (start < end) addRange(settled, start, end);
    }
    return settled;
  }
}
