/**
 * Segment appender: batches on their way into the lanes of a queue. It collects them during a commit and writes them in
 * as few rows as possible.
 */

import { planAppend } from '../../../core/log/append.ts';
import { rowKeyOf } from '../../../core/queue/state/lane.ts';
import { laneState, type LaneState, type QueueMachine } from '../../../core/queue/state/queue-machine.ts';
import { setBaseOffset } from '../../../protocol/record-batch/index.ts';
import { concatenate, ownBytes } from '../../../protocol/bytes.ts';
import type { LaneBatch } from './packing.ts';
import type { ProducerRows } from './producer-rows.ts';
import type { QueueStore } from './queue-store.ts';
import type { SegmentCache } from './segment-cache.ts';

export class SegmentAppender {
  readonly #store: QueueStore;
  readonly #cache: SegmentCache;
  readonly #producers: ProducerRows;
  readonly #batches = new Map<number, LaneBatch[]>();

  constructor(store: QueueStore, cache: SegmentCache, producers: ProducerRows) {
    this.#store = store;
    this.#cache = cache;
    this.#producers = producers;
  }

  add(lane: number, batch: LaneBatch): void {
    const batches = this.#batches.get(lane);
    if (batches) batches.push(batch);
    else this.#batches.set(lane, [batch]);
  }

  /** Drops collected batches that were not written. */
  clear(): void {
    this.#batches.clear();
  }

  /** Writes the collected batches, at most one row for each lane and begun MiB. It changes no counters. */
  flush(state: QueueMachine): void {
    let left = this.#batches.size;
    for (const [number, batches] of this.#batches) {
      left -= 1;
      this.#append(laneState(state, number), batches, left === 0);
    }
    this.#batches.clear();
  }

  /** @param isLast its last row is that of the flush, which tells of the producers */
  #append(lane: LaneState, batches: readonly LaneBatch[], isLast: boolean): void {
    const plan = planAppend(
      {
        logStartOffset: 0,
        nextOffset: lane.nextOffset,
        nextPosition: lane.nextPosition,
        maxTimestampSoFar: -1,
        tail: lane.tail,
      },
      batches,
    );
    plan.baseOffsets.forEach((baseOffset, index) =>
      setBaseOffset(batches[index]!.bytes, batches[index]!.at, baseOffset),
    );
    const isAtEnd = lane.cursor === lane.nextOffset;
    for (const [number, { kind, segment, firstBatch, endBatch }] of plan.writes.entries()) {
      const added = batches.slice(firstBatch, endBatch);
      const parts = added.map(({ bytes, at, sizeInBytes }) => bytes.subarray(at, at + sizeInBytes));
      const isPlain = added.every((batch) => batch.isPlain) && (kind === 'insert' || lane.isTailPlain);
      let isSound = true;
      if (kind === 'extend') {
        const tail = { ...lane.tail!, lane: lane.lane, isPlain };
        parts.unshift(this.#cache.data(tail));
        isSound = this.#cache.isSound(tail);
      }
      const data = ownBytes(concatenate(parts));
      const extent = { ...segment, lane: lane.lane, isPlain };
      const rowKey = rowKeyOf(lane.lane, segment.baseOffset);
      const isLastRow = isLast && number === plan.writes.length - 1;
      const producers = isLastRow ? this.#producers.forSegment(rowKey) : null;
      if (kind === 'extend') this.#store.replaceSegment(extent, producers, data);
      else this.#store.insertSegment(extent, producers, data);
      this.#cache.put(rowKey, segment.nextOffset, data);
      if (isSound) this.#cache.noteSound(extent);
      if (kind === 'extend') extendInFlight(lane, extent);
      lane.isTailPlain = isPlain;
    }
    lane.tail = plan.head.tail;
    lane.nextOffset = plan.head.nextOffset;
    if (isAtEnd) lane.cursorPosition = lane.nextPosition;
    lane.nextPosition = plan.head.nextPosition;
  }
}

function extendInFlight(
  lane: LaneState,
  extent: { baseOffset: number; nextOffset: number; bytes: number; isPlain: boolean },
): void {
  const last = lane.inFlight[lane.inFlight.length - 1];
  if (last?.extent.baseOffset !== extent.baseOffset) return;
  last.extent.nextOffset = extent.nextOffset;
  last.extent.bytes = extent.bytes;
  last.extent.isPlain = extent.isPlain;
}
