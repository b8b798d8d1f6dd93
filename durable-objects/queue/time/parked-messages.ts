/**
 * Parked messages: rows of messages that wait for their time, which are delayed ones before their first delivery and
 * failed ones before their next. Their number is part of the queue's state and stored in a row.
 */

import { isReturnLane, priorityOf, returnLane } from '../../../core/queue/state/lane.ts';
import { retriedRecord } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import { noteExpiry } from '../../../core/queue/state/expiry-look.ts';
import { compareParked, type ParkedPosition } from '../../../core/queue/messages/message-id.ts';
import { DAMAGED_HEADER } from '../../../protocol/headers/message-headers.ts';
import type { ParkedFound } from '../../../core/queue/messages/message-scan.ts';
import { expiryOf, readMetadata } from '../../../core/queue/state/message-metadata.ts';
import { releaseKey, type QueueMachine } from '../../../core/queue/state/queue-machine.ts';
import { orThrow, retainRecords, type LogRecord } from '../../../protocol/record-batch/index.ts';
import { packRows } from '../../storage/record-rows.ts';
import type { SegmentAppender } from '../rows/segment-appender.ts';
import { packed } from '../rows/packing.ts';
import type { ParkedRow, ParkedStore } from '../rows/parked-store.ts';
import { recordsOf } from '../../../core/queue/deliver/stored-records.ts';
import type { SegmentCache } from '../rows/segment-cache.ts';

/** What becomes ready in one commit: bounds its time and the memory it takes. */
const PROMOTE_SLICE_ROWS = 500;
const PROMOTE_SLICE_BYTES = 4 * 1024 * 1024;

export class ParkedMessages {
  readonly #store: ParkedStore;
  readonly #cache: SegmentCache;
  /** Numbers of rows: none comes twice, so that an id names one message for ever. */
  readonly #nextSeq: () => number;
  /** When the first of those is due that were parked since the last call of `takeNextDue`. */
  #newDueMs = Infinity;

  constructor(store: ParkedStore, cache: SegmentCache, nextSeq: () => number) {
    this.#store = store;
    this.#cache = cache;
    this.#nextSeq = nextSeq;
  }

  /** Delayed messages, which were published just now. */
  addNew(state: QueueMachine, dueMs: number, lane: number, records: readonly LogRecord[]): void {
    state.parked += records.length;
    this.#insert(state, false, dueMs, lane, records);
  }

  /** Failed messages, which the state counts already. One row for those that wait for the same time. */
  addReturned(state: QueueMachine, returned: QueueMachine['changes']['parked']): void {
    const groups = Map.groupBy(
      returned,
      ({ dueMs, extent, offset }) =>
        `${dueMs} ${priorityOf(extent.lane)} ${this.#cache.records(extent).get(offset)!.key !== null}`,
    );
    for (const group of groups.values()) {
      const { dueMs, extent } = group[0]!;
      const isKeyed = this.#cache.records(extent).get(group[0]!.offset)!.key !== null;
      const records = group.values().map((message) => {
        const { extent: of, offset } = message;
        const position = `${of.lane.toString(36)}-${offset.toString(36)}`;
        return retriedRecord(this.#cache.records(of).get(offset)!, message, position);
      });
      this.#insert(state, isKeyed, dueMs, returnLane(priorityOf(extent.lane)), records);
    }
  }

  /**
   * Moves those that are due to their lanes, at most a slice. One whose time to live has passed meanwhile is not ready for a
   * moment. True if more are due.
   */
  promote(
    state: QueueMachine,
    writer: SegmentAppender,
    nowMs: number,
    expired: (records: readonly LogRecord[]) => void,
  ): boolean {
    const { rows, isMoreDue } = this.#store.due(nowMs, PROMOTE_SLICE_ROWS, PROMOTE_SLICE_BYTES);
    for (const row of rows) {
      const records = recordsIn(row);
      this.#bringBack(state, writer, row, records, nowMs, expired);
      state.parked -= records.length;
      state.parkedBytes -= row.data.length;
      this.#store.delete(row);
    }
    return isMoreDue;
  }

  /** Makes one message ready before its time. Returns the lane that it gets; null: there is none at this position. */
  runNow(
    state: QueueMachine,
    writer: SegmentAppender,
    position: ParkedPosition,
    nowMs: number,
    expired: (records: readonly LogRecord[]) => void,
  ): number | 'expired' | null {
    const found = this.#locate(position);
    if (found === null) return null;
    const { row, record } = found;
    this.#remove(state, row, new Set([position.index]));
    const due = { ...row, due_ms: Math.min(row.due_ms, nowMs) };
    return this.#bringBack(state, writer, due, [record], nowMs, expired) === 0 ? 'expired' : row.lane;
  }

  /** Takes one message out. Returns it; null: there is none at this position. */
  take(state: QueueMachine, position: ParkedPosition): ParkedFound | null {
    return this.takeAll(state, [position])[0] ?? null;
  }

  /** Takes messages out, as one change of each of their rows. Returns those that are there. */
  takeAll(state: QueueMachine, positions: readonly ParkedPosition[]): ParkedFound[] {
    const rows = Map.groupBy(positions, ({ isKeyed, dueMs, seq }) => `${isKeyed} ${dueMs} ${seq}`);
    return [...rows.values()].flatMap((ofRow) => {
      const row = this.#store.row(ofRow[0]!);
      if (row === null) return [];
      const wanted = new Map(ofRow.map((position) => [position.index, position]));
      const found = recordsIn(row).flatMap((record): ParkedFound[] => {
        const position = isDamaged(record) ? undefined : wanted.get(record.offset);
        return position ? [{ position, record, isRetry: isReturnLane(row.lane) }] : [];
      });
      this.#remove(state, row, new Set(found.map(({ position }) => position.index)));
      if (row.is_keyed === 1) for (const { record } of found) releaseKey(state, readMetadata(record).key);
      return found;
    });
  }

  /** Returns a number that is above those of all rows, and below those of rows that come later. */
  takeSeq(): number {
    return this.#nextSeq();
  }

  find(position: ParkedPosition): ParkedFound | null {
    const found = this.#locate(position);
    return found && { position, record: found.record, isRetry: isReturnLane(found.row.lane) };
  }

  /** Yields the messages after a position, the earliest due first. */
  *from(after: ParkedPosition | null): IterableIterator<ParkedFound> {
    for (const row of this.#store.from(after)) {
      for (const record of recordsIn(row)) {
        const position = positionOf(row, record.offset);
        if (after === null || compareParked(position, after) > 0)
          yield { position, record, isRetry: isReturnLane(row.lane) };
      }
    }
  }

  /** Removes all. Returns how many. */
  purge(state: QueueMachine): number {
    const count = state.parked;
    if (count === 0) return 0;
    for (const { data } of this.#store.keyed()) {
      for (const record of recordsOf(data)) releaseKey(state, readMetadata(record).key);
    }
    this.#store.deleteAll();
    state.counters.dropped += count;
    state.parked = 0;
    state.parkedBytes = 0;
    return count;
  }

  /**
   * When the first of those is due that were parked since the last call; Infinity: none was. Reads nothing, because the
   * storage may fail, and who has committed has to set the alarm. After a commit that failed it may be early.
   */
  takeNextDue(): number {
    const dueMs = this.#newDueMs;
    this.#newDueMs = Infinity;
    return dueMs;
  }

  nextDueMs(state: QueueMachine): number | null {
    return state.parked === 0 ? null : this.#store.nextMs();
  }

  /** Returns how many of the records are ready now: those whose time to live has passed are not. */
  #bringBack(
    state: QueueMachine,
    writer: SegmentAppender,
    row: Pick<ParkedRow, 'lane' | 'due_ms' | 'is_keyed'>,
    records: readonly LogRecord[],
    nowMs: number,
    expired: (records: readonly LogRecord[]) => void,
  ): number {
    // A delayed message is published when it is due: its time to live begins then.
    const due = isReturnLane(row.lane)
      ? records
      : records.map((record) => ({ ...record, timestamp: Math.max(record.timestamp, row.due_ms) }));
    if (row.is_keyed === 1) for (const record of records) releaseKey(state, readMetadata(record).key);
    const { dead = [], alive = [] } = Object.groupBy(due, (record) =>
      expiryOf(readMetadata(record), state.config.message_ttl_ms) <= nowMs ? 'dead' : 'alive',
    );
    for (const record of alive) noteExpiry(state, readMetadata(record));
    if (dead.length > 0) expired(dead);
    if (alive.length > 0) writer.add(row.lane, packed(alive));
    return alive.length;
  }

  /** Damaged messages are not found: they die when they are due. */
  #locate(position: ParkedPosition): { row: ParkedRow; record: LogRecord } | null {
    const row = this.#store.row(position);
    const record = row && recordsIn(row).find(({ offset }) => offset === position.index);
    return record && !isDamaged(record) ? { row: row!, record } : null;
  }

  /** Takes messages out of their row. The others keep their offsets there, and so their ids. */
  #remove(state: QueueMachine, row: ParkedRow, indexes: ReadonlySet<number>): void {
    if (indexes.size === 0) return;
    const left = orThrow(retainRecords(row.data, 0, ({ offset }) => !indexes.has(offset)));
    if (left === 'unchanged') throw new Error('a row of messages that wait has lost some meanwhile');
    if (left === null) this.#store.delete(row);
    else this.#store.shrink(row, row.count - indexes.size, left);
    state.parked -= indexes.size;
    state.parkedBytes -= row.data.length - (left?.length ?? 0);
  }

  #insert(
    state: QueueMachine,
    isKeyed: boolean,
    dueMs: number,
    lane: number,
    records: Iterable<LogRecord>,
  ): void {
    this.#newDueMs = Math.min(this.#newDueMs, dueMs);
    for (const { count, data } of packRows(records)) {
      this.#store.insert({ isKeyed, dueMs, seq: this.#nextSeq() }, lane, count, data);
      state.parkedBytes += data.length;
    }
  }
}

/** A damaged batch may claim more messages than the row holds: some were taken out. */
const recordsIn = ({ data, count }: ParkedRow): LogRecord[] => recordsOf(data).slice(0, count);

const isDamaged = (record: LogRecord): boolean => record.headers.some(({ key }) => key === DAMAGED_HEADER);

const positionOf = ({ is_keyed: isKeyed, due_ms: dueMs, seq }: ParkedRow, index: number): ParkedPosition => ({
  isKeyed: isKeyed === 1,
  dueMs,
  seq,
  index,
});
