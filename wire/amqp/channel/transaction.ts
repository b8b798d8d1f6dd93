/**
 * Transaction: publishes and settlements of a channel that wait for `tx.commit`. On a commit the publishes go to the broker, and
 * the settlements when all are stored: whoever loses the broker in between has a message twice rather than not at all.
 */

import type { PublishedMessage, Settlement } from '../broker-port.ts';
import { portError, type PortError } from '../reply-codes.ts';
import type { Unsettled, UnsettledEntry } from './consumer/unsettled.ts';

/** What waits is in memory. */
const MESSAGES_MAX = 10_000;
const BYTES_MAX = 64 * 1024 * 1024;

interface WaitingSettlement {
  entry: UnsettledEntry;
  settlement: Settlement;
}

export class Transaction {
  #publishes: PublishedMessage[] = [];
  #bytes = 0;
  readonly #gather: (bytes: number) => boolean;
  #settlements: WaitingSettlement[] = [];

  /** @param gather counts what waits in memory with that of other channels. False: it is too much */
  constructor(gather: (bytes: number) => boolean) {
    this.#gather = gather;
  }

  publish(message: PublishedMessage): PortError | null {
    const bytes = message.body.length + message.rawProperties.length;
    const isOver = this.#publishes.length >= MESSAGES_MAX || this.#bytes + bytes > BYTES_MAX;
    if (isOver || !this.#gather(bytes)) {
      const limits = `${MESSAGES_MAX} messages and ${BYTES_MAX} bytes, and all channels of a connection twice as many bytes`;
      return portError('precondition-failed', `a transaction has at most ${limits}`);
    }
    this.#bytes += bytes;
    this.#publishes.push(message);
    return null;
  }

  settle(entries: readonly UnsettledEntry[], settlement: Settlement): void {
    for (const entry of entries) this.#settlements.push({ entry, settlement });
  }

  /** Takes what is to be published. */
  takePublishes(): PublishedMessage[] {
    const publishes = this.#publishes;
    this.#gather(-this.#bytes);
    this.#publishes = [];
    this.#bytes = 0;
    return publishes;
  }

  /** All publishes are stored. */
  runSettlements(): void {
    const settlements = this.#settlements;
    this.#settlements = [];
    for (const { entry, settlement } of settlements) entry.settle(settlement);
  }

  /** Forgets the publishes; the deliveries are unsettled again. */
  rollBack(unsettled: Unsettled): void {
    this.takePublishes();
    unsettled.restore(this.#settlements.map(({ entry }) => entry));
    this.#settlements = [];
  }
}
