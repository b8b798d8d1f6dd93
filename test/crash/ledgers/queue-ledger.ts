/**
 * What publishers and consumers of a queue know of their messages, and what may be seen of them during and after a crash:
 *
 * - a message that was confirmed is settled by somebody, or delivered, or dead-lettered: never lost;
 * - one whose publisher got no answer comes once or not at all, and one that was published again, under its id or its
 *   sequence, once: no message is in two places of the queue;
 * - what was answered as settled or dead-lettered is not delivered again by any request made after that answer;
 * - what was answered as dead-lettered is in the dead-letter queue, and nothing is there twice;
 * - what was confirmed by an exchange is in the topic too that it leads to.
 */

type Settled = 'settled' | 'dead_lettered' | 'unknown';

interface Known {
  isStored: boolean;
  isInTopic: boolean;
  /** What was answered to the last settlement of it that ended it, or may have. */
  settled: Settled | null;
  /** When that answer was there. */
  settledMs: number;
  deliveries: number;
  /** Where it was delivered for the first time. */
  place: string | null;
}

export class QueueLedger {
  readonly #messages = new Map<string, Known>();
  readonly #broken: string[] = [];

  get storedCount(): number {
    return this.#count(({ isStored }) => isStored);
  }

  get settledCount(): number {
    return this.#count(({ settled }) => settled === 'settled');
  }

  sent(id: string): void {
    this.#messages.set(id, {
      isStored: false,
      isInTopic: false,
      settled: null,
      settledMs: 0,
      deliveries: 0,
      place: null,
    });
  }

  /** @param isInTopic it was confirmed as stored in the topic too */
  stored(id: string, isInTopic = false): void {
    const known = this.#messages.get(id)!;
    known.isStored = true;
    known.isInTopic ||= isInTopic;
  }

  /**
   * @param askedMs when the request was made that it was the answer to
   * @param place where it lies; null for one that was tried before, which may have another place since
   */
  delivered(id: string, askedMs: number, place: string | null = null): void {
    const known = this.#messages.get(id);
    if (!known) {
      this.#broken.push(`${id} was delivered and never sent`);
      return;
    }
    known.deliveries += 1;
    if (place !== null && known.place !== null && place !== known.place)
      this.#broken.push(`${id} is at ${known.place} and at ${place}`);
    known.place ??= place;
    const isOver = known.settled !== null && known.settled !== 'unknown' && known.settledMs < askedMs;
    if (isOver) this.#broken.push(`${id} was delivered after it was ${known.settled}`);
  }

  /** @param settled `unknown` if a settlement that would end the message was sent, and no answer came */
  settled(id: string, settled: Settled, nowMs: number): void {
    const known = this.#messages.get(id)!;
    if (known.settled !== null && known.settled !== 'unknown') {
      if (settled !== 'unknown') this.#broken.push(`${id} was ${known.settled}, and then ${settled}`);
      return;
    }
    known.settled = settled;
    known.settledMs = nowMs;
  }

  /**
   * One sentence for each broken promise, once the queue is empty.
   * @param dead the ids in the dead-letter queue
   * @param inTopic the ids in the topic
   */
  check(dead: readonly string[], inTopic: ReadonlySet<string>): string[] {
    const broken = [...this.#broken];
    const isDead = new Set<string>();
    for (const id of dead) {
      if (isDead.has(id)) broken.push(`${id} is in the dead-letter queue twice`);
      isDead.add(id);
      const known = this.#messages.get(id);
      if (!known) broken.push(`${id} is in the dead-letter queue and was never sent`);
      else if (known.settled === 'settled') broken.push(`${id} was settled and is in the dead-letter queue`);
    }
    for (const [id, { isStored, isInTopic, settled }] of this.#messages) {
      if (isInTopic && !inTopic.has(id)) broken.push(`${id} was confirmed and is not in the topic`);
      if (isDead.has(id)) continue;
      if (settled === 'dead_lettered')
        broken.push(`${id} was dead-lettered and is not in the dead-letter queue`);
      else if (isStored && settled === null) broken.push(`${id} was confirmed and is lost`);
    }
    return broken;
  }

  #count(is: (known: Known) => boolean): number {
    let count = 0;
    for (const known of this.#messages.values()) if (is(known)) count += 1;
    return count;
  }
}
