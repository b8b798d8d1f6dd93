/** Writes what the machine of core/queue has changed: the rows of `delivery`, and segments that are done with. */

import { placeOf } from '../../../core/queue/state/lane.ts';
import type { QueueState } from '../../../core/queue/state/queue-machine.ts';
import type { SegmentState } from '../../../core/queue/state/segment-state.ts';
import type { ProducerRows } from './producer-rows.ts';
import type { QueueStore } from './queue-store.ts';
import type { SegmentCache } from './segment-cache.ts';
import type { Slots } from './delivery-rows.ts';

export class ChangesWriter {
  readonly #store: QueueStore;
  readonly #cache: SegmentCache;
  readonly #slots: Slots;
  readonly #producers: ProducerRows;

  constructor(store: QueueStore, cache: SegmentCache, slots: Slots, producers: ProducerRows) {
    this.#store = store;
    this.#cache = cache;
    this.#slots = slots;
    this.#producers = producers;
  }

  /** What leaves has to be read before: here its segments go. */
  write(state: QueueState): void {
    const { touched, completed, ended, purged } = state.changes;
    for (const segment of touched) this.#writeState(state, segment);
    for (const { extent, slot } of completed) {
      const place = placeOf(extent.lane, extent.baseOffset);
      this.#producers.deleteSegment(place);
      this.#cache.drop(place);
      if (slot !== null) this.#slots.free(slot);
    }
    for (const { lane, from } of purged) this.#producers.deleteSegmentsFrom(lane, from);
    for (const lane of ended) {
      if (lane.tail !== null || this.#slots.knowsEnd(lane)) continue;
      const place = placeOf(lane.lane, lane.nextOffset - 1); // inside what is gone: never the start of a segment
      this.#slots.free(this.#writeSlot(state, null, place, lane.lane, lane.nextOffset, ''));
    }
    for (const slot of this.#slots.surplus(state)) this.#store.deleteDelivery(slot);
  }

  #writeState(state: QueueState, segment: SegmentState): void {
    const { lane, baseOffset, nextOffset } = segment.extent;
    const json = JSON.stringify(segment.toStored());
    segment.slot = this.#writeSlot(state, segment.slot, placeOf(lane, baseOffset), lane, nextOffset, json);
    segment.storedNextOffset = nextOffset;
  }

  #writeSlot(
    state: QueueState,
    known: number | null,
    place: number,
    lane: number,
    nextOffset: number,
    json: string,
  ): number {
    const { slot, isNew } = known === null ? this.#slots.take(state) : { slot: known, isNew: false };
    if (isNew) this.#store.insertDelivery(slot, place, nextOffset, json);
    else this.#store.updateDelivery(slot, place, nextOffset, json);
    this.#slots.wrote(slot, { lane, nextOffset });
    return slot;
  }
}
