/**
 * One loop over a reader: a feed for each partition, and a queue of what they brought. A feed fetches again when its last
 * fetch was taken from the queue, so for each partition one fetch waits while another is handled.
 */

import type { Transport } from '../client/transport.ts';
import { abortedBy, asPosthornError, type PosthornError } from '../errors.ts';
import { openBody } from '../claims/open-body.ts';
import type { Topics } from '../admin/topics.ts';
import { recordsOf, type Fetched } from './fetch-request.ts';
import type { ReaderConfig } from './options.ts';
import { PartitionFeed } from './partition-feed.ts';
import type { ReceivedRecord } from './received-record.ts';

interface Arrival {
  feed: PartitionFeed;
  fetched: Fetched;
}

export class ReaderRun {
  readonly #transport: Transport;
  readonly #topics: Topics;
  readonly #topic: string;
  readonly #config: ReaderConfig;
  readonly #ended: () => void;
  /** Cancels what is under way. */
  readonly #cancel = new AbortController();
  readonly #arrivals: Arrival[] = [];
  #feedsLeft: number | null = null;
  /** Thrown after the records that arrived before it. An abort is thrown at once. */
  #error: PosthornError | null = null;
  #isStopped = false;
  #wake: (() => void) | null = null;

  constructor(transport: Transport, topics: Topics, topic: string, config: ReaderConfig, ended: () => void) {
    this.#transport = transport;
    this.#topics = topics;
    this.#topic = topic;
    this.#config = config;
    this.#ended = ended;
  }

  /** Nothing more may be handed out, even if it is there. */
  get isOver(): boolean {
    return this.#isStopped;
  }

  /** The records of the next fetch, at least one; null at the end. */
  async next(): Promise<ReceivedRecord[] | null> {
    if (this.#feedsLeft === null && !this.#isStopped) await this.#begin();
    for (;;) {
      const arrival = this.#isStopped ? undefined : this.#arrivals.shift();
      if (arrival !== undefined) {
        void this.#advance(arrival.feed);
        const records = await this.#decoded(arrival.fetched);
        if (records.length > 0 && !this.#isStopped) return records;
      } else if (this.#error !== null) {
        return this.#throwOnce(this.#error);
      } else if (this.#isStopped || this.#feedsLeft === 0) {
        this.stop();
        return null;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  /** Whether the loop has to open the record before it hands it out. */
  isClosed(record: ReceivedRecord): boolean {
    return this.#config.bodies === 'load' && record.claim !== undefined;
  }

  /** Gets the body that the record refers to. One record at a time, because bodies are large. */
  async open(record: ReceivedRecord): Promise<ReceivedRecord> {
    try {
      await openBody(this.#transport, record, 'value', this.#cancel.signal);
      return record;
    } catch (error) {
      this.stop();
      throw this.#error ?? error;
    }
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#arrivals.length = 0;
    this.#config.signal?.removeEventListener('abort', this.#onAbort);
    this.#cancel.abort();
    this.#ended();
    this.#wakeUp();
  }

  async #begin(): Promise<void> {
    this.#feedsLeft = 0;
    const { signal } = this.#config;
    if (signal?.aborted) return this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort);
    const partitions = this.#config.partitions ?? (await this.#allPartitions());
    this.#feedsLeft = partitions.length;
    for (const partition of partitions) {
      void this.#advance(
        new PartitionFeed(this.#transport, this.#topic, partition, this.#config, this.#cancel.signal),
      );
    }
  }

  async #allPartitions(): Promise<number[]> {
    try {
      const { partitions } = await this.#topics.get(this.#topic, { signal: this.#cancel.signal });
      return Array.from({ length: partitions }, (_, partition) => partition);
    } catch (error) {
      this.#fail(error);
      return [];
    }
  }

  /** Fetches once more from a partition. Never rejects. */
  async #advance(feed: PartitionFeed): Promise<void> {
    try {
      const fetched = await feed.next();
      if (fetched === null) this.#feedsLeft!--;
      else this.#arrivals.push({ feed, fetched });
    } catch (error) {
      this.#fail(error);
    }
    this.#wakeUp();
  }

  async #decoded(fetched: Fetched): Promise<ReceivedRecord[]> {
    try {
      return await recordsOf(
        fetched,
        this.#transport.config.codecs,
        this.#config.onCorrupt === 'skip' ? () => {} : undefined,
      );
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Requests under way when the loop ends fail too. Nobody needs to know. */
  #fail(error: unknown): void {
    if (!this.#isStopped) this.#error ??= asPosthornError(error);
  }

  #throwOnce(error: PosthornError): never {
    this.#error = null;
    this.stop();
    throw error;
  }

  readonly #onAbort = (): void => {
    this.#error = abortedBy(this.#config.signal!);
    this.stop();
  };

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
