/**
 * Parked messages: rows of messages that wait for their time, which are delayed ones before their first delivery and
 * failed ones before their next. Their number is part of the queue's state and stored in a row.
 */

import { isReturnLane, priorityOf, returnLane } from '../../../core/queue/state/lane.ts';
import { retriedRecord } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import { noteExpiry } from '../../../core/queue/state/expiry-look.ts';
import { expiryOf, readMetadata } from '../../../core/queue/state/message-metadata.ts';
import { releaseKey, type QueueMachine } from '../../../core/queue/state/queue-machine.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import { packRows } from '../../storage/record-rows.ts';
import type { SegmentAppender } from '../rows/segment-appender.ts';
import { packed } from '../rows/packing.ts';
import type { ParkedStore } from '../rows/parked-store.ts';
import { recordsOf } from '../../../core/queue/deliver/stored-records.ts';
import type { SegmentCache } from '../rows/segment-cache.ts';

/** What becomes ready in one commit: bounds its time and the memory it takes. */
const PROMOTE_SLICE_ROWS = 500;
const PROMOTE_SLICE_BYTES = 4 * 1024 * 1024;

export class ParkedMessages {
  readonly #store: ParkedStore;
  readonly #cache: SegmentCache;
  /** When the first of those is due that were parked since the last call of `takeNextDue`. */
  #newDueMs = Infinity;

  constructor(store: ParkedStore, cache: SegmentCache) {
    this.#store = store;
    this.#cache = cache;
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
      const records = group
        .values()
        .map((message) => retriedRecord(this.#cache.records(message.extent).get(message.offset)!, message));
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
      const records = recordsOf(row.data);
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
      state.parked -= records.length;
      state.parkedBytes -= row.data.length;
      this.#store.delete(row);
    }
    return isMoreDue;
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

  #insert(
    state: QueueMachine,
    isKeyed: boolean,
    dueMs: number,
    lane: number,
    records: Iterable<LogRecord>,
  ): void {
    this.#newDueMs = Math.min(this.#newDueMs, dueMs);
    for (const { count, data } of packRows(records)) {
      this.#store.insert(isKeyed, dueMs, lane, count, data);
      state.parkedBytes += data.length;
    }
  }
}
