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
  #settlements: WaitingSettlement[] = [];

  publish(message: PublishedMessage): PortError | null {
    this.#bytes += message.body.length + message.rawProperties.length;
    if (this.#publishes.push(message) <= MESSAGES_MAX && this.#bytes <= BYTES_MAX) return null;
    return portError(
      'precondition-failed',
      `a transaction has at most ${MESSAGES_MAX} messages and ${BYTES_MAX} bytes`,
    );
  }

  settle(entries: readonly UnsettledEntry[], settlement: Settlement): void {
    for (const entry of entries) this.#settlements.push({ entry, settlement });
  }

  /** Takes what is to be published. */
  takePublishes(): PublishedMessage[] {
    const publishes = this.#publishes;
    this.#publishes = [];
    this.#bytes = 0;
    return publishes;
  }

  /** All publishes are stored. */
  runSettlements(): void {
    const settlements = this.#settlements;
    this.#settlements = [];
    for (const { entry, settlement } of settlements) entry.delivery.settle(settlement);
  }

  /** Forgets the publishes; the deliveries are unsettled again. */
  rollBack(unsettled: Unsettled): void {
    this.takePublishes();
    unsettled.restore(this.#settlements.map(({ entry }) => entry));
    this.#settlements = [];
  }
}
