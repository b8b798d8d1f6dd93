/** Partition feeds: those of one connection, and who waits for them. */

import { failureOf, kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';
import type { BrokerClient } from '../broker/broker-client.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { PartitionFeed } from './partition-feed.ts';
import { readPartition } from './read-partition.ts';

export interface FeedKey {
  topic: string;
  /** Of a topic that the client names by its UUID; undefined: by its name. */
  topicId: number | undefined;
  partition: number;
  isCommittedOnly: boolean;
}

/** Bytes that are held for a client which has not asked for them yet. */
const READ_AHEAD_BYTES_MAX = 16 * 1024 * 1024;

/** A feed that a connection has not asked for so long is dropped, in ms. */
const UNUSED_MS_MAX = 30_000;

/** The codes that clients expect of a fetch. Everything else tells them to look the partition up and try again. */
const EXPECTED: ReadonlySet<number> = new Set([
  ERRORS.OFFSET_OUT_OF_RANGE,
  ERRORS.UNKNOWN_TOPIC_OR_PARTITION,
  ERRORS.TOPIC_AUTHORIZATION_FAILED,
]);

export class PartitionFeeds {
  readonly #client: BrokerClient;
  readonly #feeds = new Map<string, PartitionFeed>();
  #changed: PromiseWithResolvers<void> | null = null;

  constructor(client: BrokerClient) {
    this.#client = client;
  }

  get(key: FeedKey): PartitionFeed {
    const text = `${key.topic}/${key.partition}/${key.topicId ?? ''}/${key.isCommittedOnly}`;
    let feed = this.#feeds.get(text);
    if (feed === undefined) this.#feeds.set(text, (feed = this.#newFeed(key)));
    return feed;
  }

  /**
   * Resolves when a feed has something new, after so many ms, or for another that waits. Who waits leaves nothing behind: of an idle
   * topic nothing may be new for long, and clients ask all the time.
   */
  async change(waitMs: number): Promise<void> {
    const { promise } = (this.#changed ??= Promise.withResolvers());
    const handle = setTimeout(() => this.#wake(), waitMs);
    await promise;
    clearTimeout(handle);
  }

  /** @param asked how many feeds the client asks for now */
  dropUnused(asked: number, nowMs: number): void {
    if (this.#feeds.size <= asked) return;
    for (const [text, feed] of this.#feeds) {
      if (feed.usedMs > nowMs - UNUSED_MS_MAX) continue;
      feed.end();
      this.#feeds.delete(text);
    }
  }

  end(): void {
    for (const feed of this.#feeds.values()) feed.end();
    this.#feeds.clear();
    this.#wake();
  }

  #newFeed({ topic, topicId, partition, isCommittedOnly }: FeedKey): PartitionFeed {
    const { transport } = this.#client;
    return new PartitionFeed({
      read: async (offset, { bytesMax, waitMs, seenHighWatermark: seen }, signal) => {
        const seenHighWatermark = isCommittedOnly ? seen : undefined;
        const read = {
          topic,
          topicId,
          partition,
          offset,
          isCommittedOnly,
          bytesMax,
          seenHighWatermark,
          waitMs,
        };
        return await readPartition(transport, read, signal);
      },
      failureOf: (error) => fetchFailure(error, topicId !== undefined),
      mayReadAhead: () => this.#heldBytes() < READ_AHEAD_BYTES_MAX,
      changed: () => this.#wake(),
    });
  }

  #heldBytes(): number {
    let bytes = 0;
    for (const feed of this.#feeds.values()) bytes += feed.heldBytes;
    return bytes;
  }

  #wake(): void {
    this.#changed?.resolve();
    this.#changed = null;
  }
}

function fetchFailure(error: unknown, isById: boolean): KafkaFailure {
  const failure = failureOf(error, 'topic');
  if (failure.errorCode === ERRORS.UNKNOWN_TOPIC_OR_PARTITION && isById) {
    return kafkaFailure('UNKNOWN_TOPIC_ID', failure.errorMessage);
  }
  if (EXPECTED.has(failure.errorCode)) return failure;
  if (failure.errorCode === ERRORS.INVALID_REQUEST) {
    return kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', failure.errorMessage);
  }
  return kafkaFailure('NOT_LEADER_OR_FOLLOWER', failure.errorMessage);
}
