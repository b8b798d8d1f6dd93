/** Dead letters of a queue on their way to another one, as rows. Each has a number, by which the other knows it again. */

import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { packedWithin } from './packing.ts';
import type { OutboxRow, QueueStore } from './queue-store.ts';

export class Outbox {
  readonly #store: QueueStore;
  /**
   * The number of the next dead letter. It begins with the clock, and never goes back: the other side takes a lower one for
   * one that it has seen. Clocks do go back, when an object moves to another machine, so the last row that was sent stays.
   */
  #nextNumber: number;
  /** Messages in it. */
  count: number;

  constructor(store: QueueStore, nowMs: number) {
    this.#store = store;
    const { count, nextNumber } = store.outboxSize();
    this.count = count;
    this.#nextNumber = Math.max(nextNumber, nowMs * 1_000);
  }

  add(records: readonly LogRecord[]): void {
    for (const { bytes, lastOffsetDelta } of packedWithin(records)) {
      this.#store.insertOutbox(this.#nextNumber, lastOffsetDelta + 1, bytes);
      this.#nextNumber += lastOffsetDelta + 1;
      this.count += lastOffsetDelta + 1;
    }
  }

  next(): OutboxRow | null {
    return this.count === 0 ? null : this.#store.nextOutbox();
  }

  remove(row: OutboxRow): void {
    if (row.count < this.count) this.#store.deleteOutbox(row.number);
    else this.#store.emptyOutbox(row.number);
    this.count -= row.count;
  }
}
