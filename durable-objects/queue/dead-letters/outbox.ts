/**
 * Outbox: messages of a queue on their way to other objects, as rows. Each has a number by which its target recognises
 * it.
 */

import type { ReplayTarget } from '../../../protocol/schemas/dead-letters.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import type { OutboxRow, OutboxStore } from './outbox-store.ts';
import { packRows } from '../../storage/record-rows.ts';

/** Numbers reserved at a time: one row written for so many messages, and for each wake that has any. */
const RESERVED_AHEAD = 1_000_000;

export class Outbox {
  readonly #store: OutboxStore;
  /**
   * The number of the next message. A target would treat a reused number as a duplicate, so each wake begins above all
   * numbers.
   */
  #nextNumber: number;
  /** Every number given so far is below it. To be stored with the messages. */
  reserved: number;
  /** Messages in it. */
  count: number;

  constructor(store: OutboxStore, reserved: number, nowMs: number) {
    this.#store = store;
    const { count, nextNumber } = store.size();
    this.count = count;
    this.#nextNumber = Math.max(nextNumber, reserved, nowMs * 1_000);
    this.reserved = reserved;
  }

  /** @param target null: where the queue's dead letters go by the time they are sent */
  add(records: Iterable<LogRecord>, target: ReplayTarget | null = null): void {
    const text = target === null ? '' : JSON.stringify(target);
    for (const { count, data } of packRows(records)) {
      this.#store.insert(this.takeNumbers(count), count, text, data);
      this.count += count;
    }
  }

  /** Returns the first of so many numbers that nobody has had. */
  takeNumbers(count: number): number {
    const first = this.#nextNumber;
    this.#nextNumber += count;
    if (this.#nextNumber > this.reserved) this.reserved = this.#nextNumber + RESERVED_AHEAD;
    return first;
  }

  next(): OutboxRow | null {
    return this.count === 0 ? null : this.#store.next();
  }

  /** Notes the destinations that have stored a row, when others have not. */
  noteDone(row: OutboxRow, done: readonly string[]): void {
    this.#store.writeDone(row.number, done.join('\n'));
  }

  remove(row: OutboxRow): void {
    this.#store.delete(row.number);
    this.count -= row.count;
  }
}
