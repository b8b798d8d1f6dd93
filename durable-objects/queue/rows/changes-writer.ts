/** Changes writer: writes what the queue machine changed, in rows of `delivery`, and deletes completed segments. */

import { rowKeyOf } from '../../../core/queue/state/lane.ts';
import type { QueueMachine } from '../../../core/queue/state/queue-machine.ts';
import type { SegmentState } from '../../../core/queue/state/segment-state.ts';
import type { ProducerRows } from './producer-rows.ts';
import type { QueueStore } from './queue-store.ts';
import type { SegmentCache } from './segment-cache.ts';
import type { DeliveryRows } from './delivery-rows.ts';

export class ChangesWriter {
  readonly #store: QueueStore;
  readonly #cache: SegmentCache;
  readonly #deliveryRows: DeliveryRows;
  readonly #producers: ProducerRows;

  constructor(store: QueueStore, cache: SegmentCache, deliveryRows: DeliveryRows, producers: ProducerRows) {
    this.#store = store;
    this.#cache = cache;
    this.#deliveryRows = deliveryRows;
    this.#producers = producers;
  }

  /** Leaving messages must be read before this, because it deletes their segments. */
  write(state: QueueMachine): void {
    const { touched, completed, ended, purged } = state.changes;
    for (const segment of touched) this.#writeState(state, segment);
    for (const { extent, slot } of completed) {
      const rowKey = rowKeyOf(extent.lane, extent.baseOffset);
      this.#producers.deleteSegment(rowKey);
      this.#cache.drop(rowKey);
      if (slot !== null) this.#deliveryRows.free(slot);
    }
    for (const { lane, from } of purged) this.#producers.deleteSegmentsFrom(lane, from);
    for (const lane of ended) {
      if (lane.tail !== null || this.#deliveryRows.knowsEnd(lane)) continue;
      const rowKey = rowKeyOf(lane.lane, lane.nextOffset - 1); // inside what is gone: never the start of a segment
      this.#deliveryRows.free(this.#writeSlot(state, null, rowKey, lane.lane, lane.nextOffset, ''));
    }
    for (const slot of this.#deliveryRows.surplus(state)) this.#store.deleteDelivery(slot);
  }

  #writeState(state: QueueMachine, segment: SegmentState): void {
    const { lane, baseOffset, nextOffset } = segment.extent;
    const json = JSON.stringify(segment.toStored());
    segment.slot = this.#writeSlot(state, segment.slot, rowKeyOf(lane, baseOffset), lane, nextOffset, json);
    segment.storedNextOffset = nextOffset;
  }

  #writeSlot(
    state: QueueMachine,
    known: number | null,
    rowKey: number,
    lane: number,
    nextOffset: number,
    json: string,
  ): number {
    const { slot, isNew } = known === null ? this.#deliveryRows.take(state) : { slot: known, isNew: false };
    if (isNew) this.#store.insertDelivery(slot, rowKey, nextOffset, json);
    else this.#store.updateDelivery(slot, rowKey, nextOffset, json);
    this.#deliveryRows.wrote(slot, { lane, nextOffset });
    return slot;
  }
}
