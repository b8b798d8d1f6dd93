/**
 * Publisher confirms: numbers the publishes of a channel and confirms them. Confirms pile up until they are written, and one
 * confirm then stands for all publishes up to its number.
 */

export interface Confirm {
  deliveryTag: number;
  multiple: boolean;
}

export class Confirms {
  #last = 0;
  /** Publishes without an outcome, in order. */
  readonly #open = new Set<number>();
  #acked: number[] = [];
  #nacked: number[] = [];

  /** The number of the next publish. */
  next(): number {
    this.#open.add(++this.#last);
    return this.#last;
  }

  settle(number: number, isStored: boolean): void {
    this.#open.delete(number);
    (isStored ? this.#acked : this.#nacked).push(number);
  }

  get hasPending(): boolean {
    return this.#acked.length + this.#nacked.length > 0;
  }

  /**
   * Takes what can be confirmed now. Nacks go first and one by one, so that no ack of several publishes covers one that was
   * refused.
   */
  take(): { nacks: Confirm[]; acks: Confirm[] } {
    const nacks = this.#nacked.map(single);
    const acked = this.#acked;
    this.#nacked = [];
    this.#acked = [];
    if (acked.length < 2) return { nacks, acks: acked.map(single) };
    acked.sort((a, b) => a - b);
    const [firstOpen = this.#last + 1] = this.#open;
    const covered = acked.filter((number) => number < firstOpen);
    if (covered.length < 2) return { nacks, acks: acked.map(single) };
    const last = covered.at(-1)!;
    return {
      nacks,
      acks: [{ deliveryTag: last, multiple: true }, ...acked.slice(covered.length).map(single)],
    };
  }
}

const single = (deliveryTag: number): Confirm => ({ deliveryTag, multiple: false });
