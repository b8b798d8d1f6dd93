/** The consumer of a group: what an application sees of it. */

import type { PartitionOffset, TopicPartition } from '../../protocol/schemas/groups.ts';
import type { Transport } from '../client/transport.ts';
import { invalidArgument, PosthornError } from '../errors.ts';
import type { Queues } from '../admin/queues.ts';
import type { Topics } from '../admin/topics.ts';
import { GroupConsumerRun } from './group-consumer-run.ts';
import type { AssignedPartition, GroupOwner } from './group-record.ts';
import type { OffsetToCommit } from './offset-to-commit.ts';
import type { Groups } from '../admin/groups.ts';
import {
  groupConsumerConfig,
  type ExactlyOnceGroupOptions,
  type GroupConsumerOptions,
  type PartitionLag,
} from './options.ts';

/**
 * Reads topics together with the other members of its group: each partition is read by one of them at a time. It begins at
 * once, and keeps itself a member while it runs.
 *
 * Records of a partition are handled in order, several partitions at the same time. What is handled is committed (see
 * `commit`), and the next owner of a partition begins there: **a record can come twice**, where a member ends before it has
 * committed. None is skipped: a record whose retries all fail goes to the dead letters, or ends the consumer. That is
 * `at-least-once`; the other levels are to be had with `delivery`.
 *
 * Requests that fail in a way that may pass are tried again for ever; `onError` is told. What cannot pass ends the consumer,
 * and `done` rejects with it: `handler_failed`, `instance_fenced`, `topic_not_found`, `group_full`, `aborted`.
 *
 * @example
 * const consumer = posthorn.consumer({
 *   group: 'billing',
 *   topics: ['orders'],
 *   eachRecord: async (record) => charge(record.json()),
 *   deadLetter: { queue: 'failed-orders' },
 * });
 * process.once('SIGTERM', () => consumer.stop());
 * await consumer.done;
 */
export class GroupConsumer implements AsyncDisposable {
  readonly #run: GroupConsumerRun;
  readonly #groups: Groups;
  #lagTimer: ReturnType<typeof setTimeout> | undefined;

  /** Made by `Posthorn`. */
  constructor(
    transport: Transport,
    topics: Topics,
    queues: Queues,
    groups: Groups,
    options: GroupConsumerOptions | ExactlyOnceGroupOptions,
  ) {
    this.#groups = groups;
    this.#run = new GroupConsumerRun(transport, topics, queues, groupConsumerConfig(options));
    if (options.onLag) this.#lagLater();
    this.#run.onEnd = () => clearTimeout(this.#lagTimer);
    this.#run.start();
  }

  /**
   * Resolves when the consumer has stopped; rejects with what ended it otherwise. Handle it: in Node a consumer that ends
   * otherwise while nobody looks is an unhandled rejection.
   */
  get done(): Promise<void> {
    return this.#run.done;
  }

  /** Who it is in the group; empty until it has joined, and another one after it had to join again. */
  get memberId(): string {
    return this.#run.membership.memberId;
  }

  /** The partitions that it reads now. */
  get assignment(): AssignedPartition[] {
    return this.#run.works.map(({ topicPartition: place }) => place);
  }

  /**
   * Who owns a partition: for committing its offsets elsewhere, in a transaction. A commit that names it is refused once the
   * partition is another's.
   *
   * @throws PosthornError `partition_not_owned`
   */
  owner(topic: string, partition: number): GroupOwner {
    return this.#run.workOf({ topic, partition }).owner;
  }

  /**
   * Begins no more records of these partitions, by default of all that it has now. A partition that is given up and comes
   * back is not paused.
   *
   * @throws PosthornError `partition_not_owned`
   */
  pause(partitions: readonly TopicPartition[] = this.assignment): void {
    this.#setPaused(partitions, true);
  }

  /** @throws PosthornError `partition_not_owned` */
  resume(partitions: readonly TopicPartition[] = this.assignment): void {
    this.#setPaused(partitions, false);
  }

  /** The partitions that are paused. */
  get paused(): AssignedPartition[] {
    return this.#run.works.filter(({ isPaused }) => isPaused).map(({ topicPartition: place }) => place);
  }

  /**
   * Goes on at that offset, when what is in hand of the partition has ended. It is committed as if all before it were
   * handled.
   *
   * @param position with `topicId`, as `record.position` has it: refused where the topic was made again since
   * @throws PosthornError `partition_not_owned`, `inconsistent_topic_id`, `invalid_argument`
   */
  seek({ topic, topicId, partition, offset }: PartitionOffset & { topicId?: number }): void {
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw invalidArgument(`an offset is a whole number from 0`);
    const work = this.#run.workOf({ topic, partition });
    if (topicId !== undefined && topicId !== work.topicId) {
      const message = `topic "${topic}" was deleted and made again; its topicId is ${work.topicId} now`;
      throw new PosthornError('inconsistent_topic_id', message, { details: work.identified });
    }
    work.seek(offset);
    this.#run.changed();
  }

  /**
   * Commits. Without offsets: everything that is handled so far, which is not what a handler still works on; for that,
   * `commit([record.position])`.
   *
   * @throws PosthornError `partition_not_owned`, `stale_epoch` or `member_not_found` where the partition is another's by now;
   *   `details` has what was `committed` and what was `refused`
   */
  commit(offsets?: readonly OffsetToCommit[]): Promise<void> {
    return this.#run.committer.commit(offsets);
  }

  /** How far behind it is in its partitions. Asks the broker. */
  async lag(): Promise<PartitionLag[]> {
    const { group } = this.#run.config;
    const topics = [...new Set(this.assignment.map(({ topic }) => topic))];
    const known = await Promise.all(topics.map((topic) => this.#groups.offsets(group, { topic })));
    return this.#run.works.flatMap(({ topicPartition: place, progress }) => {
      const found = known
        .flat()
        .find(({ topicId, partition }) => topicId === place.topicId && partition === place.partition);
      if (found === undefined) return [];
      const { highWatermark, logStartOffset } = found;
      // Where `latest` is the broker notes when the group first sees a topic.
      const position = Math.max(progress.position ?? found.offset ?? logStartOffset, logStartOffset);
      return [{ ...place, position, highWatermark, lag: Math.max(0, highWatermark - position) }];
    });
  }

  /**
   * Begins no more records, waits for the handlers that are at work, commits, and leaves the group; with an `instanceId` it
   * stays a member until its session ends, so that it can come back. Do not await it in a handler: it waits for that.
   *
   * @throws PosthornError what ended the consumer before, if anything did
   */
  stop(): Promise<void> {
    return this.#run.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #setPaused(partitions: readonly TopicPartition[], isPaused: boolean): void {
    const works = partitions.map((place) => this.#run.workOf(place));
    for (const work of works) work.isPaused = isPaused;
    this.#run.changed();
  }

  #lagLater(): void {
    this.#lagTimer = setTimeout(() => {
      this.#lagLater();
      this.lag()
        .then(this.#run.config.onLag)
        .catch((error: unknown) => this.#run.tell(error));
    }, this.#run.config.lagIntervalMs);
  }
}
