/**
 * Partition feed: what one connection reads of one partition. Clients ask every 500 ms or so whether there is something new. The
 * feed keeps one long poll at the broker meanwhile and answers from what it knows. When records have been taken, it reads on, so that
 * the next are there when the client asks for them. A feed that nobody asks any more ends with its poll.
 */

import type { KafkaFailure } from '../broker/broker-errors.ts';
import type { PartitionBatches } from './read-partition.ts';

/** How long one poll waits at the broker, in ms. */
const POLL_MS = 60_000;

/** The ends of the log, as the last reply told them. */
export type Ends = Pick<PartitionBatches, 'highWatermark' | 'lastStableOffset' | 'logStartOffset'>;

export interface Ready {
  batches: PartitionBatches | null;
  failure: KafkaFailure | null;
}

export interface FeedHost {
  read(offset: number, bytesMax: number, waitMs: number, signal: AbortSignal): Promise<PartitionBatches>;
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
    const offset = this.#offset;
    this.#poll = poll;
    this.#isAsked = false;
    this.#host.read(offset, this.#bytesMax, waitMs, poll.signal).then(
      (batches) => this.#arrived(poll, batches, null),
      (error: unknown) => this.#poll === poll && this.#arrived(poll, null, this.#host.failureOf(error)),
    );
  }

  #arrived(poll: AbortController, batches: PartitionBatches | null, failure: KafkaFailure | null): void {
    if (this.#poll !== poll) return;
    this.#poll = null;
    if (batches && batches.nextOffset === this.#offset) {
      this.#ends = batches;
      if (this.#isAsked) this.#begin(POLL_MS);
    } else {
      this.#ready = { batches, failure };
    }
    this.#host.changed();
  }
}
