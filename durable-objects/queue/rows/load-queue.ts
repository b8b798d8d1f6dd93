/**
 * Loading a queue: derives its state from rows. It reads messages in flight and the ends of the lanes, never the
 * backlog.
 */

import { DedupWindow } from '../../../core/queue/state/dedup.ts';
import { readMetadata } from '../../../core/queue/state/message-metadata.ts';
import { laneOfRowKey } from '../../../core/queue/state/lane.ts';
import {
  holdKey,
  laneState,
  noChanges,
  noCounters,
  readyCount,
  type LaneState,
  type QueueMachine,
} from '../../../core/queue/state/queue-machine.ts';
import { SegmentState, type StoredSegmentState } from '../../../core/queue/state/segment-state.ts';
import type { QueueConfig } from '../../../protocol/schemas/queues.ts';
import { recordsOf } from '../../../core/queue/deliver/stored-records.ts';
import type { SegmentCache } from './segment-cache.ts';
import type { ParkedStore } from './parked-store.ts';
import type { QueueStore, StoredExtent } from './queue-store.ts';
import type { DeliveryRows } from './delivery-rows.ts';

export function loadQueue(
  store: QueueStore,
  parkedStore: ParkedStore,
  cache: SegmentCache,
  deliveryRows: DeliveryRows,
  config: QueueConfig,
  isPaused: boolean,
): QueueMachine {
  const { parked, parkedBytes } = parkedStore.totals();
  const state: QueueMachine = {
    config,
    isPaused,
    lanes: [],
    leased: 0,
    returned: 0,
    parked,
    parkedBytes,
    busyKeys: new Map(),
    earliestExpiryMs: Infinity,
    endedLeases: new Map(),
    nextExpiryMs: Infinity,
    arrivedFrom: null,
    dedup: new DedupWindow(),
    activeConsumer: null,
    counters: noCounters(),
    changes: noChanges(),
  };
  for (const tail of store.tails()) endLaneAt(laneState(state, tail.lane), tail);
  loadInFlight(state, store, deliveryRows);
  for (const lane of state.lanes) if (lane) startCursor(lane, store);
  loadKeys(state, parkedStore, cache);
  for (const { until_ms: untilMs, ids } of store.idRows()) {
    for (const id of JSON.parse(ids) as string[]) state.dedup.add(id, untilMs);
  }
  state.counters.published = readyCount(state) + state.leased + state.parked;
  return state;
}

function endLaneAt(lane: LaneState, tail: StoredExtent): void {
  lane.nextOffset = tail.nextOffset;
  lane.nextPosition = tail.position + tail.bytes;
  lane.isTailPlain = tail.isPlain;
  const { baseOffset, nextOffset, maxTimestamp, position, bytes } = tail;
  lane.tail = { baseOffset, nextOffset, maxTimestamp, maxTimestampSoFar: maxTimestamp, position, bytes };
}

function loadInFlight(state: QueueMachine, store: QueueStore, deliveryRows: DeliveryRows): void {
  for (const row of store.deliveryRows()) {
    const lane = laneState(state, laneOfRowKey(row.place));
    const extent = store.extent(row.place);
    deliveryRows.known(row.slot, { lane: lane.lane, nextOffset: row.next_offset }, extent === null);
    if (row.next_offset > lane.nextOffset) {
      lane.nextOffset = row.next_offset; // its segments are deleted, so only this row knows its next offset
      lane.tail = null;
    }
    if (!extent) continue;
    const segment = new SegmentState(extent, JSON.parse(row.json) as StoredSegmentState);
    segment.slot = row.slot;
    segment.storedNextOffset = row.next_offset;
    lane.inFlight.push(segment);
    state.leased += segment.leased;
    state.returned += segment.returned;
    for (const { expiresAtMs } of segment.leases) {
      state.earliestExpiryMs = Math.min(state.earliestExpiryMs, expiresAtMs);
    }
  }
  for (const lane of state.lanes) {
    lane?.inFlight.sort((a, b) => a.extent.baseOffset - b.extent.baseOffset);
  }
}

function startCursor(lane: LaneState, store: QueueStore): void {
  const last = lane.inFlight[lane.inFlight.length - 1];
  if (last && last.cursor < last.extent.nextOffset) {
    const { position, bytes, baseOffset, nextOffset } = last.extent;
    lane.cursor = last.cursor;
    lane.cursorPosition = position + (bytes * (last.cursor - baseOffset)) / (nextOffset - baseOffset);
    return;
  }
  const next = store.extentAt(lane.lane, last?.extent.nextOffset ?? 0);
  lane.cursor = next?.baseOffset ?? lane.nextOffset;
  lane.cursorPosition = next?.position ?? lane.nextPosition;
}

function loadKeys(state: QueueMachine, parkedStore: ParkedStore, cache: SegmentCache): void {
  for (const lane of state.lanes) {
    for (const { extent, leases } of lane?.inFlight ?? []) {
      if (extent.isPlain) continue;
      const records = cache.records(extent);
      for (const { start, end } of leases) {
        for (let offset = start; offset < end; offset++) {
          holdKey(state, readMetadata(records.get(offset)!).key);
        }
      }
    }
  }
  if (state.parked === 0) return;
  for (const { data } of parkedStore.keyed()) {
    for (const record of recordsOf(data)) holdKey(state, readMetadata(record).key);
  }
}
