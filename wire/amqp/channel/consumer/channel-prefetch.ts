/**
 * Channel prefetch: a limit of unsettled deliveries that the consumers of a channel share.
 *
 * The broker knows limits of single consumers only. So each consumer may hold what it holds and what the channel has left, and what
 * comes beyond the limit, since two consumers were offered the same room, waits here until the client settles something.
 */

import type { Delivery } from '../../broker-port.ts';

/** A consumer whose deliveries count. */
export interface Counted {
  /** Sets how many unsettled deliveries the broker may have given it. */
  setPrefetch(prefetch: number): void;
  /** Hands a delivery to the client. */
  hand(delivery: Delivery): void;
}

interface Count {
  /** Deliveries of the broker that are not settled, those that wait here among them. */
  held: number;
  /** What the broker was told last. */
  prefetch: number;
}

export class ChannelPrefetch {
  /** 0: none. */
  #limit = 0;
  /** Deliveries that the client has. */
  #unsettled = 0;
  readonly #counts = new Map<Counted, Count>();
  /** One without acks settles what it is handed, which serves again. */
  #isServing = false;
  #waiting: { consumer: Counted; delivery: Delivery }[] = [];

  /** Sets the limit; 0 for none. Consumers that have begun before are told. */
  set limit(limit: number) {
    this.#limit = limit;
    this.#serve();
    this.#share();
  }

  /** True if there is no limit and nothing waits for one. */
  get isUnlimited(): boolean {
    return this.#limit === 0 && this.#waiting.length === 0;
  }

  /** Counts a consumer that begins. Returns its prefetch; 0 for no limit. */
  begin(consumer: Counted): number {
    const prefetch = this.#limit === 0 ? 0 : Math.max(1, this.#left);
    this.#counts.set(consumer, { held: 0, prefetch });
    return prefetch;
  }

  /** Nothing more comes for the consumer. What waits for it goes back. */
  end(consumer: Counted): void {
    this.#counts.delete(consumer);
    const own = this.#waiting.filter((one) => one.consumer === consumer);
    this.#waiting = this.#waiting.filter((one) => one.consumer !== consumer);
    for (const { delivery } of own) delivery.settle('requeue');
  }

  endAll(): void {
    for (const consumer of [...this.#counts.keys()]) this.end(consumer);
  }

  deliver(consumer: Counted, delivery: Delivery): void {
    const count = this.#counts.get(consumer);
    if (count === undefined) return delivery.settle('requeue');
    count.held++;
    const counted: Delivery = {
      ...delivery,
      settle: (settlement) => {
        count.held--;
        delivery.settle(settlement);
      },
    };
    if (this.isUnlimited) return this.#hand(consumer, counted);
    this.#waiting.push({ consumer, delivery: counted });
    this.#serve();
    this.#share();
  }

  /** Hands on what waits while there is room. */
  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    while (this.#waiting.length > 0 && (this.#limit === 0 || this.#unsettled < this.#limit)) {
      const { consumer, delivery } = this.#waiting.shift()!;
      this.#hand(consumer, delivery);
    }
    this.#isServing = false;
  }

  #hand(consumer: Counted, delivery: Delivery): void {
    this.#unsettled++;
    consumer.hand({
      ...delivery,
      settle: (settlement) => {
        this.#unsettled--;
        delivery.settle(settlement);
        if (this.#limit === 0) return; // nobody is told anything
        this.#serve();
        this.#share();
      },
    });
  }

  /** Room that neither the client nor what waits takes. */
  get #left(): number {
    return Math.max(0, this.#limit - this.#unsettled - this.#waiting.length);
  }

  /**
   * Tells the broker what each consumer may hold: at least one delivery, since a prefetch of 0 would give up its place in the
   * queue. A consumer that has room yet is told only when the channel is full, to save calls.
   */
  #share(): void {
    for (const [consumer, count] of this.#counts) {
      const prefetch = this.#limit === 0 ? 0 : Math.max(1, count.held + this.#left);
      const hadRoom = count.prefetch === 0 || count.prefetch > count.held;
      const isUrgent = prefetch === 0 || count.prefetch === 0 || !hadRoom || this.#left === 0;
      if (prefetch === count.prefetch || !isUrgent) continue;
      count.prefetch = prefetch;
      consumer.setPrefetch(prefetch);
    }
  }
}
