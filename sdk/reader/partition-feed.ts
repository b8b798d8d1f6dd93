/** Partition feed: reads one partition, a fetch at a time. It tracks the position, the end, and failures. */

import { withRetries } from '../client/http/retry.ts';
import { sleep } from '../client/sleep.ts';
import type { Transport } from '../client/transport.ts';
import { PosthornError } from '../errors.ts';
import { tellReplaced } from '../client/topic-replaced.ts';
import { fetchBatches, type Fetched } from './fetch-request.ts';
import type { ReaderConfig } from './options.ts';
import type { WireOffset } from '../values/start-position.ts';

/** The shortest time between two waits that end at once without a result, in ms. */
const EMPTY_PAUSE_MS = 50;

/** The time between two searches for a deleted topic, in ms. */
const GONE_PAUSE_MS = 250;

export class PartitionFeed {
  readonly #transport: Transport;
  readonly #topic: string;
  readonly #partition: number;
  readonly #config: ReaderConfig;
  readonly #signal: AbortSignal;
  #position: WireOffset;
  /** The topic that the position belongs to; null until the first fetch, if the reader does not say. */
  #topicId: number | null;
  /** Without `follow`: the end that the first fetch saw. */
  #endOffset: number | null = null;

  constructor(
    transport: Transport,
    topic: string,
    partition: number,
    config: ReaderConfig,
    signal: AbortSignal,
  ) {
    this.#transport = transport;
    this.#topic = topic;
    this.#partition = partition;
    this.#config = config;
    this.#signal = signal;
    this.#position = config.startOf(partition);
    this.#topicId = config.topicId;
  }

  /** The next records, or null at the end. Waits for them if the reader follows. */
  async next(): Promise<Fetched | null> {
    for (;;) {
      if (this.#endOffset !== null && (this.#position as number) >= this.#endOffset) return null;
      const startMs = performance.now();
      const waitMs = this.#waitMs();
      const fetched = await this.#fetchOrReset(waitMs);
      this.#position = fetched.nextOffset;
      this.#topicId = fetched.topicId;
      if (!this.#config.follow) fetched.endOffset = this.#endOffset ??= fetched.readableEnd;
      if (fetched.batches.length > 0) return fetched;
      const tookMs = performance.now() - startMs;
      if (waitMs > EMPTY_PAUSE_MS && tookMs < EMPTY_PAUSE_MS) await sleep(EMPTY_PAUSE_MS, this.#signal);
    }
  }

  /**
   * A start that is not an offset yet is looked up without waiting: if a wait at `latest` had to be repeated, records that
   * came meanwhile would be skipped.
   */
  #waitMs(): number {
    return this.#config.follow && typeof this.#position === 'number' ? this.#config.waitMs : 0;
  }

  async #fetchOrReset(waitMs: number): Promise<Fetched> {
    const reset = this.#config.onOutOfRange;
    const goneMs = performance.now() + this.#config.giveUpMs;
    for (;;) {
      try {
        return await this.#fetchAnew(waitMs, reset);
      } catch (error) {
        // Between its deletion and its declaration the topic does not exist.
        const mayComeBack = reset !== 'error' && this.#topicId !== null && isCode(error, 'topic_not_found');
        if (!mayComeBack || performance.now() > goneMs) throw error;
        await sleep(GONE_PAUSE_MS, this.#signal);
      }
    }
  }

  async #fetchAnew(waitMs: number, reset: ReaderConfig['onOutOfRange']): Promise<Fetched> {
    try {
      return await this.#fetch(this.#position, waitMs);
    } catch (error) {
      if (reset === 'error' || !isOutOfRange(error)) throw error;
      if (error.code !== 'inconsistent_topic_id') return await this.#fetch(reset, 0);
      const fetched = await this.#fetch(reset, 0, null);
      this.#endOffset = null; // of the topic that is gone
      this.#tell(this.#topicId!, fetched.topicId);
      return fetched;
    }
  }

  #tell(previousTopicId: number, topicId: number): void {
    const replaced = { topic: this.#topic, partition: this.#partition, topicId, previousTopicId };
    tellReplaced(this.#config.onTopicReplaced, replaced);
  }

  async #fetch(offset: WireOffset, waitMs: number, topicId = this.#topicId): Promise<Fetched> {
    const spec = {
      topic: this.#topic,
      partition: this.#partition,
      offset,
      topicId,
      fetchBytes: this.#config.fetchBytes,
      isolation: this.#config.isolation,
      waitMs,
      signal: this.#signal,
    };
    const { retry } = this.#transport.config;
    const limits = { withinMs: this.#config.giveUpMs, signal: this.#signal };
    return await withRetries(retry, limits, () => fetchBatches(this.#transport, spec));
  }
}

/** The position is not in the log: it was removed, is not written yet, or belongs to a deleted topic. */
const OUT_OF_RANGE = new Set<string>(['offset_below_start', 'offset_past_end', 'inconsistent_topic_id']);

const isCode = (error: unknown, code: string): boolean =>
  error instanceof PosthornError && error.code === code;

const isOutOfRange = (error: unknown): error is PosthornError =>
  error instanceof PosthornError && OUT_OF_RANGE.has(error.code);
