/**
 * Delivery rows: the rows of the table `delivery`. The row of a completed segment is free. It is reused for another
 * segment, or deleted if there are many free rows. A row is kept if it alone knows where the offsets of a lane
 * continue.
 */

import type { LaneState, QueueMachine } from '../../../core/queue/state/queue-machine.ts';

interface SlotContent {
  lane: number;
  /** As the row has it. */
  nextOffset: number;
}

/** Free rows kept for later; above it they are deleted. */
const FREE_MAX = 32;

export class DeliveryRows {
  readonly #contents = new Map<number, SlotContent>();
  #free: number[] = [];
  #next = 1;

  /** A row found when the queue was loaded. */
  known(slot: number, content: SlotContent, isFree: boolean): void {
    this.wrote(slot, content);
    if (isFree) this.#free.push(slot);
  }

  wrote(slot: number, content: SlotContent): void {
    this.#contents.set(slot, content);
    this.#next = Math.max(this.#next, slot + 1);
  }

  /** A row to write: one that is there and free, or a new one. */
  take(state: QueueMachine): { slot: number; isNew: boolean } {
    const index = this.#free.findIndex((slot) => !this.#isEnd(state, slot));
    if (index === -1) return { slot: this.#next++, isNew: true };
    return { slot: this.#free.splice(index, 1)[0]!, isNew: false };
  }

  free(slot: number): void {
    this.#free.push(slot);
  }

  /** True if some row knows the end of the lane. */
  knowsEnd({ lane, nextOffset }: LaneState): boolean {
    for (const content of this.#contents.values()) {
      if (content.lane === lane && content.nextOffset === nextOffset) return true;
    }
    return false;
  }

  /** Takes out the rows that are too many. */
  surplus(state: QueueMachine): number[] {
    if (this.#free.length <= FREE_MAX) return [];
    const surplus = this.#free.filter((slot) => !this.#isEnd(state, slot)).slice(FREE_MAX);
    this.#free = this.#free.filter((slot) => !surplus.includes(slot));
    for (const slot of surplus) this.#contents.delete(slot);
    return surplus;
  }

  clear(): void {
    this.#contents.clear();
    this.#free = [];
    this.#next = 1;
  }

  #isEnd(state: QueueMachine, slot: number): boolean {
    const content = this.#contents.get(slot)!;
    const lane = state.lanes[content.lane];
    return lane !== undefined && lane.tail === null && lane.nextOffset === content.nextOffset;
  }
}
