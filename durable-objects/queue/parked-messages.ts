/**
 * Messages that wait for their time, as rows of their own: delayed ones before their first delivery, and failed ones
 * before their next. How many there are is part of the queue's state.
 */

import { isReturnLane, priorityOf, returnLane } from '../../core/queue/lane.ts';
import { readFacts } from '../../core/queue/facts.ts';
import { releaseKey, type QueueState } from '../../core/queue/queue-state.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import type { LaneWriter } from './lane-writer.ts';
import { retriedRecord } from './moved-records.ts';
import { packed, packedWithin } from './packing.ts';
import type { QueueStore } from './queue-store.ts';
import { recordsOf, type SegmentCache } from './segment-cache.ts';

/** Rows that become ready in one commit. */
const PROMOTE_SLICE_ROWS = 500;

export class ParkedMessages {
  readonly #store: QueueStore;
  readonly #cache: SegmentCache;
  #hasNew = true;

  constructor(store: QueueStore, cache: SegmentCache) {
    this.#store = store;
    this.#cache = cache;
  }

  /** Delayed messages, which were published just now. */
  addNew(state: QueueState, dueMs: number, lane: number, records: readonly LogRecord[]): void {
    this.#store.insertParked(dueMs, lane, records.length, packed(records).bytes);
    state.parked += records.length;
    this.#hasNew = true;
  }

  /** Failed messages, which the state counts already. */
  addReturned(returned: QueueState['changes']['parked']): void {
    this.#hasNew = true;
    const groups = Map.groupBy(returned, ({ dueMs, extent }) => `${dueMs} ${priorityOf(extent.lane)}`);
    for (const group of groups.values()) {
      const { dueMs, extent } = group[0]!;
      const lane = returnLane(priorityOf(extent.lane));
      const records = group.map((message) =>
        retriedRecord(
          this.#cache.records(message.extent).get(message.offset)!,
          message.deliveries,
          message.failures,
        ),
      );
      for (const { bytes, lastOffsetDelta } of packedWithin(records)) {
        this.#store.insertParked(dueMs, lane, lastOffsetDelta + 1, bytes);
      }
    }
  }

  /** Moves those that are due to their lanes, at most a slice. True where more are due. */
  promote(state: QueueState, writer: LaneWriter, nowMs: number): boolean {
    const rows = this.#store.dueParked(nowMs, PROMOTE_SLICE_ROWS);
    for (const row of rows) {
      const records = recordsOf(row.data);
      const isReturn = isReturnLane(row.lane);
      // A delayed message is published when it is due: its time to live begins then.
      const due = records.map((record) =>
        isReturn ? record : { ...record, timestamp: Math.max(record.timestamp, row.due_ms) },
      );
      if (isReturn) for (const record of records) releaseKey(state, readFacts(record).key);
      writer.add(row.lane, packed(due));
      state.parked -= records.length;
      this.#store.deleteParked(row);
    }
    return rows.length === PROMOTE_SLICE_ROWS;
  }

  /** Removes all. Gives how many. */
  purge(state: QueueState): number {
    const count = state.parked;
    if (count === 0) return 0;
    for (const { data } of this.#store.parkedReturns()) {
      for (const record of recordsOf(data)) releaseKey(state, readFacts(record).key);
    }
    this.#store.deleteAllParked();
    state.counters.dropped += count;
    state.parked = 0;
    return count;
  }

  /** True where messages were parked since the last time that somebody asked when the next is due, and learned it. */
  get hasNew(): boolean {
    return this.#hasNew;
  }

  nextDueMs(state: QueueState): number | null {
    const dueMs = state.parked === 0 ? null : this.#store.nextParkedMs();
    this.#hasNew = false; // only now: the look may have failed
    return dueMs;
  }
}
