/**
 * Sender of a producer: sends batches, one request for several partitions and at most one under way for each partition.
 * It handles replies and failures.
 */

import { delayMs } from '../client/http/retry.ts';
import { sleep } from '../client/sleep.ts';
import type { Transport } from '../client/transport.ts';
import { messageOf, PosthornError } from '../errors.ts';
import type { Topics } from '../admin/topics.ts';
import { Backlog } from './backlog.ts';
import type { Batch } from './batch.ts';
import { loadTopic } from './load-topic.ts';
import type { ProducerConfig } from './options.ts';
import type { Pending } from './pending.ts';
import { partsOf, produce, producePath } from './produce-request.ts';
import type { Sequences } from './sequences.ts';
import { TopicAccumulator } from './topic-accumulator.ts';

/**
 * What one request carries at most, in bytes, unless a single batch is larger. Larger requests were measured to be slower:
 * more partitions wait for one reply.
 */
const REQUEST_BYTES = 1024 * 1024;

/** After this long the number of partitions is looked up again, in ms, as Kafka's `metadata.max.age.ms`. */
const METADATA_AGE_MS = 300_000;

/** Refusals that other batches of the same records, made with new metadata, may not meet. */
const REGROUPED = new Set(['partition_not_found', 'batch_too_large', 'key_required', 'invalid_timestamp']);

/** Refused as often as this, a record is given up. */
const REGROUPINGS_MAX = 2;

export class Sender {
  readonly backlog: Backlog;
  readonly #transport: Transport;
  readonly #topics: Topics;
  readonly #config: ProducerConfig;
  readonly #sequences: Sequences | null;
  readonly #lines = new Map<string, TopicAccumulator>();
  /** Topics that may have something to send, the longest waiting first. */
  readonly #queue = new Set<TopicAccumulator>();
  readonly #stop = new AbortController();
  #inFlight = 0;

  /** @param sequences null for a producer that is not idempotent */
  constructor(transport: Transport, topics: Topics, config: ProducerConfig, sequences: Sequences | null) {
    this.#sequences = sequences;
    this.backlog = new Backlog(config.bufferBytes);
    this.#transport = transport;
    this.#topics = topics;
    this.#config = config;
  }

  accept(topic: string, record: Pending): void {
    let lines = this.#lines.get(topic);
    if (lines === undefined) {
      const { acks, connection } = this.#config;
      // Without sequences and answers that promise something, nobody could tell what a socket that ends has carried.
      const channel = this.#transport.channel(producePath(topic), acks === 'none' ? 'requests' : connection);
      lines = new TopicAccumulator(topic, channel, this.#config);
      this.#lines.set(topic, lines);
    }
    this.backlog.add(record.heldBytes);
    if (lines.topic !== null && lines.waiting.length === 0 && lines.add(record) === null) {
      this.#linger(lines);
      if (lines.hasSendable) this.#offer(lines);
      return;
    }
    // Not known yet, or what is known refuses it: look (again) before the record is refused.
    record.waitAlone();
    lines.waiting.push(record);
    if (lines.waiting.length === 1) void this.#load(lines).then((error) => this.#assign(lines, error));
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((lines) => this.#flushTopic(lines)));
  }

  /** Closes the sockets. What is sent after this goes by requests. */
  close(): void {
    for (const { channel } of this.#lines.values()) channel.close();
  }

  /** Gives up everything. */
  abort(error: PosthornError): void {
    this.#stop.abort(error);
    for (const lines of this.#lines.values()) {
      for (const record of lines.waiting.splice(0)) this.#failRecord(record, error);
      for (const batch of lines.drainAll()) this.#fail(lines, batch, error);
    }
    this.close();
  }

  async #flushTopic(lines: TopicAccumulator): Promise<void> {
    while (lines.waiting.length > 0) await this.#load(lines);
    lines.makeDue();
    this.#offer(lines);
    await Promise.all([...lines.live].map(({ ended }) => ended.promise));
  }

  /** Never rejects. Calls that come while one is under way share it. */
  #load(lines: TopicAccumulator): Promise<PosthornError | null> {
    const { retry } = this.#transport.config;
    const limits = { withinMs: this.#config.deliveryTimeoutMs, signal: this.#stop.signal };
    lines.loading ??= loadTopic(lines, this.#topics, retry, limits);
    return lines.loading;
  }

  /** What waited for the metadata goes into batches, or fails. */
  #assign(lines: TopicAccumulator, error: PosthornError | null): void {
    for (const record of lines.waiting.splice(0)) {
      const refused = error ?? lines.add(record);
      if (refused !== null) this.#failRecord(record, refused);
    }
    this.#linger(lines);
    this.#offer(lines);
  }

  /** How long the first record of the topic waits for company decides for all of them, so that they share a request. */
  #linger(lines: TopicAccumulator): void {
    if (!lines.hasOpen || lines.isLingering) return;
    lines.linger(this.#config.lingerMs, () => this.#offer(lines));
  }

  #offer(lines: TopicAccumulator): void {
    if (lines.hasSendable) this.#queue.add(lines);
    this.#pump();
  }

  #pump(): void {
    for (const lines of this.#queue) {
      if (this.#inFlight >= this.#config.maxInFlight) return;
      this.#queue.delete(lines);
      const batches = lines.take(REQUEST_BYTES);
      // Behind the other topics again; this loop reaches it once more.
      if (lines.hasSendable) this.#queue.add(lines);
      if (batches.length > 0) void this.#send(lines, batches);
    }
  }

  async #send(lines: TopicAccumulator, batches: Batch[]): Promise<void> {
    this.#inFlight++;
    try {
      const { signal } = this.#stop;
      const id = this.#sequences?.transactionalId;
      await this.#sequences?.assign(batches, ({ partition }) => addressOf(lines, partition), signal);
      const stored = await produce(lines.channel, batches, this.#config, signal, id);
      batches.forEach((batch, i) => this.#store(lines, batch, stored[i]!.baseOffset, stored[i]!.appendTime));
    } catch (error) {
      this.#failed(lines, batches, this.#reasonOf(error));
    } finally {
      this.#inFlight--;
    }
    if (performance.now() - lines.loadedAtMs > METADATA_AGE_MS) void this.#load(lines);
    this.#offer(lines);
  }

  #reasonOf(error: unknown): PosthornError {
    if (this.#stop.signal.aborted) return this.#stop.signal.reason as PosthornError;
    if (error instanceof PosthornError) return error;
    return new PosthornError('invalid_argument', `the batch cannot be encoded: ${messageOf(error)}`, {
      cause: error,
    });
  }

  #failed(lines: TopicAccumulator, batches: readonly Batch[], error: PosthornError): void {
    const parts = partsOf(error);
    if (parts === null) return this.#refused(lines, batches, error);
    for (const batch of batches) {
      const stored = parts.stored.get(batch.partition);
      if (stored) this.#store(lines, batch, stored.baseOffset, stored.appendTime);
    }
    // Each partition failed for a reason of its own. Those that may pass are tried again together.
    const partitionOf = ({ details }: PosthornError): unknown => details['partition'];
    const alike = Map.groupBy(parts.failed, (cause) => (cause.retryable ? cause.code : partitionOf(cause)));
    for (const causes of alike.values()) {
      const partitions = new Set(causes.map(partitionOf));
      const left = batches.filter(({ partition }) => partitions.has(partition));
      this.#refused(lines, left, causes[0]!);
    }
  }

  /** None of them is stored. */
  #refused(lines: TopicAccumulator, left: readonly Batch[], error: PosthornError): void {
    if (error.retryable) return void this.#retryLater(lines, left, error);
    // The broker names the batch that it refuses: the others may go without it.
    const culprit = error.details['batch'];
    const partition = error.details['partition'];
    const isGuilty = (batch: Batch): boolean => {
      if (typeof culprit === 'number' && left.length > 1) return batch === left[culprit];
      return typeof partition !== 'number' || batch.partition === partition;
    };
    for (const batch of left) if (!isGuilty(batch)) lines.release(batch.partition, batch);
    const guilty = left.filter(isGuilty);
    if (error.code === 'unknown_producer' && this.#sequences?.transactionalId === undefined) {
      // The partition has forgotten this producer, so it has none of what is sent now.
      for (const batch of guilty) {
        this.#sequences?.abandon(addressOf(lines, batch.partition), batch);
        batch.producer = null;
      }
      return void this.#retryLater(lines, guilty, error);
    }
    const canRegroup = REGROUPED.has(error.code) && guilty.every((b) => b.regroupings < REGROUPINGS_MAX);
    if (canRegroup) return void this.#regroup(lines, guilty, error);
    for (const batch of guilty) this.#giveUp(lines, batch, error);
  }

  async #retryLater(lines: TopicAccumulator, batches: readonly Batch[], error: PosthornError): Promise<void> {
    const nowMs = performance.now();
    const again = batches.filter((batch) => {
      batch.failures++;
      if (nowMs < batch.deadlineMs) return true;
      this.#giveUp(lines, batch, this.#deliveryTimeout(error));
      return false;
    });
    if (again.length === 0) return;
    const wait = delayMs(this.#transport.config.retry, Math.max(...again.map((b) => b.failures)), error);
    try {
      await sleep(wait, this.#stop.signal);
      for (const batch of again) lines.release(batch.partition, batch);
    } catch {
      for (const batch of again) this.#giveUp(lines, batch, this.#stop.signal.reason as PosthornError);
    }
    this.#offer(lines);
  }

  /**
   * The metadata has changed since these batches were made: their records, and those behind them, get new ones. Their
   * partitions stay busy meanwhile, and the records of a key keep their order.
   */
  async #regroup(lines: TopicAccumulator, batches: readonly Batch[], error: PosthornError): Promise<void> {
    const failed = await this.#load(lines);
    for (const batch of batches) {
      this.#sequences?.abandon(addressOf(lines, batch.partition), batch);
      const line = [batch, ...lines.drain(batch.partition)];
      for (const { records } of line) {
        for (const record of records) {
          const refused = failed ?? tooLate(record, error) ?? lines.add(record, batch.regroupings + 1);
          if (refused !== null) this.#failRecord(record, refused);
        }
      }
      for (const old of line) lines.live.delete(old);
      const replacements = Promise.all([...lines.live].map(({ ended }) => ended.promise));
      for (const old of line) old.ended.resolve(replacements);
      lines.release(batch.partition, null);
    }
    lines.makeDue();
    this.#offer(lines);
  }

  #store(lines: TopicAccumulator, batch: Batch, baseOffset: number, appendTime: number | null): void {
    this.backlog.remove(batch.heldBytes);
    lines.complete(batch);
    batch.store(baseOffset, appendTime);
    lines.release(batch.partition, null);
  }

  #giveUp(lines: TopicAccumulator, batch: Batch, error: PosthornError): void {
    if (error.code === 'topic_not_found') lines.topic = null;
    this.#sequences?.abandon(addressOf(lines, batch.partition), batch);
    this.#fail(lines, batch, error);
    lines.release(batch.partition, null);
  }

  #fail(lines: TopicAccumulator, batch: Batch, error: PosthornError): void {
    this.backlog.remove(batch.heldBytes);
    lines.complete(batch);
    batch.fail(error);
  }

  #failRecord(record: Pending, error: PosthornError): void {
    this.backlog.remove(record.heldBytes);
    record.sink!.failed(record.index, error);
  }

  #deliveryTimeout(cause: PosthornError): PosthornError {
    const { deliveryTimeoutMs } = this.#config;
    const message = `not stored within ${deliveryTimeoutMs} ms; the last attempt: ${cause.message}`;
    return new PosthornError('timeout', message, { retryable: true, cause });
  }
}

const addressOf = ({ name }: TopicAccumulator, partition: number): string => `${name}/${partition}`;

/** The broker's clock is behind ours: only the records that are ahead of it are to blame. */
function tooLate(record: Pending, error: PosthornError): PosthornError | null {
  const latest = error.details['timestamp_max'];
  return typeof latest === 'number' && record.timestamp > latest ? error : null;
}
