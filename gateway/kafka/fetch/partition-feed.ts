/**
 * Partition feed: what one connection reads of one partition. Clients ask every 500 ms or so whether there is something new. The
 * feed keeps one long poll at the broker meanwhile and answers from what it knows. When records have been taken, it reads on, so that
 * the next are there when the client asks for them. A feed that nobody asks any more ends with its poll.
 */

import type { KafkaFailure } from '../broker/broker-errors.ts';
import type { PartitionBatches } from './read-partition.ts';

/** How long one poll waits at the broker, in ms. */
const POLL_MS = 60_000;

/**
 * Behind an open transaction the log may grow all the time, and a committed reader gets nothing of it. A client learns where the log
 * ends so often, in ms.
 */
const NEWS_MS_MIN = 500;

/** The ends of the log, as the last reply told them. */
export type Ends = Pick<PartitionBatches, 'highWatermark' | 'lastStableOffset' | 'logStartOffset'>;

export interface Ready {
  batches: PartitionBatches | null;
  failure: KafkaFailure | null;
}

export interface FeedHost {
  /** @param seenHighWatermark ends the wait of a committed reader when the log ends behind it */
  read(
    offset: number,
    how: { bytesMax: number; waitMs: number; seenHighWatermark: number | undefined },
    signal: AbortSignal,
  ): Promise<PartitionBatches>;
  failureOf(error: unknown): KafkaFailure;
  /** Whether there is room to read ahead. */
  mayReadAhead(): boolean;
  /** The feed has something, or knows that there is nothing. */
  changed(): void;
}

export class PartitionFeed {
  readonly #host: FeedHost;
  #offset = -1;
  #bytesMax = 0;
  #ready: Ready | null = null;
  #ends: Ends | null = null;
  #poll: AbortController | null = null;
  #isAsked = false;
  /** The poll under way does not end when only the end of the log moves. */
  #isBlind = false;
  /** When that end moved last without records for the client. */
  #newsMs = -Infinity;
  usedMs = 0;

  constructor(host: FeedHost) {
    this.#host = host;
  }

  get heldBytes(): number {
    return this.#ready?.batches?.records.length ?? 0;
  }

  /** Null while it is not known whether there is something. Its ends are set if there is nothing. */
  look(offset: number, bytesMax: number, nowMs: number): Ready | { ends: Ends } | null {
    this.usedMs = nowMs;
    this.#isAsked = true;
    this.#bytesMax = bytesMax;
    if (offset !== this.#offset) this.#moveTo(offset);
    if (this.#ready) return this.#ready;
    if (this.#poll && this.#isBlind && nowMs >= this.#newsMs + NEWS_MS_MIN) {
      this.#poll.abort();
      this.#begin(POLL_MS);
    }
    if (!this.#poll) this.#begin(this.#ends === null ? 0 : POLL_MS);
    return this.#ends && { ends: this.#ends };
  }

  /** What was ready has gone to the client. */
  taken(): void {
    const batches = this.#ready?.batches;
    this.#ready = null;
    this.#ends = null;
    if (!batches) return;
    this.#offset = batches.nextOffset;
    this.#ends = batches;
    if (this.#host.mayReadAhead()) this.#begin(POLL_MS);
  }

  end(): void {
    this.#moveTo(-1);
  }

  #moveTo(offset: number): void {
    const poll = this.#poll;
    this.#poll = null;
    poll?.abort();
    this.#offset = offset;
    this.#ready = null;
    this.#ends = null;
  }

  #begin(waitMs: number): void {
    const poll = new AbortController();
    this.#poll = poll;
    this.#isAsked = false;
    this.#isBlind = this.usedMs < this.#newsMs + NEWS_MS_MIN;
    const seenHighWatermark = this.#isBlind || waitMs === 0 ? undefined : this.#ends?.highWatermark;
    const how = { bytesMax: this.#bytesMax, waitMs, seenHighWatermark };
    this.#host.read(this.#offset, how, poll.signal).then(
      (batches) => this.#arrived(poll, batches, null),
      (error: unknown) => this.#poll === poll && this.#arrived(poll, null, this.#host.failureOf(error)),
    );
  }

  #arrived(poll: AbortController, batches: PartitionBatches | null, failure: KafkaFailure | null): void {
    if (this.#poll !== poll) return;
    this.#poll = null;
    if (batches && batches.nextOffset === this.#offset) {
      if (this.#ends !== null && batches.highWatermark > this.#ends.highWatermark) this.#newsMs = this.usedMs;
      this.#ends = batches;
      if (this.#isAsked) this.#begin(POLL_MS);
    } else {
      this.#ready = { batches, failure };
    }
    this.#host.changed();
  }
}
