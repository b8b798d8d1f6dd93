/** Group consumer: the class that applications use to read topics in a group. */

import type { PartitionOffset, TopicPartition } from '../values/topic-partition.ts';
import type { Transport } from '../client/transport.ts';
import { invalidArgument, PosthornError } from '../errors.ts';
import type { Queues } from '../admin/queues.ts';
import type { Topics } from '../admin/topics.ts';
import { GroupConsumerRun } from './group-consumer-run.ts';
import type { AssignedPartition } from '../values/assigned-partition.ts';
import type { GroupOwner, OffsetToCommit } from '../values/offset-to-commit.ts';
import type { Groups } from '../admin/groups.ts';
import {
  groupConsumerConfig,
  type ExactlyOnceGroupOptions,
  type GroupConsumerOptions,
  type PartitionLag,
} from './options.ts';

/**
 * Reads topics together with the other members of its group. One member at a time reads each partition. The consumer
 * begins at once, and stays a member while it runs.
 *
 * Records of a partition are handled in order, several partitions at the same time. The consumer commits what it has
 * handled (see `commit`), and the next owner of a partition begins there. **A record can arrive twice**, if a member
 * ends before it has committed. No record is skipped: a record whose retries all fail goes to the dead letters, or ends
 * the consumer. That is `at-least-once`; `delivery` selects the other levels.
 *
 * The consumer repeats requests after temporary failures for ever, and reports them to `onError`. A permanent failure
 * ends the consumer, and `done` rejects with it: `handler_failed`, `instance_fenced`, `topic_not_found`, `group_full`,
 * `aborted`.
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
   * Resolves when the consumer has stopped. Rejects if something else ended it. Handle that: in Node an ignored
   * rejection ends the process.
   */
  get done(): Promise<void> {
    return this.#run.done;
  }

  /** Its member id in the group. Empty until it has joined; it changes when the consumer has to join again. */
  get memberId(): string {
    return this.#run.membership.memberId;
  }

  /** The partitions that it reads now. */
  get assignment(): AssignedPartition[] {
    return this.#run.works.map(({ topicPartition: place }) => place);
  }

  /**
   * Returns the owner of a partition, for committing its offsets in a transaction. The broker refuses a commit that
   * names it when the partition belongs to another member.
   *
   * @throws PosthornError `partition_not_owned`
   */
  owner(topic: string, partition: number): GroupOwner {
    return this.#run.workOf({ topic, partition }).owner;
  }

  /**
   * Begins no more records of these partitions, by default of all current ones. A partition that is given up and comes
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
   * Continues at that offset when running handlers of the partition have ended. The offset is committed as if
   * everything before it were handled.
   *
   * @param position with `topicId`, as `record.position` has it: refused if the topic was made again since
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
   * Commits offsets. Without an argument it commits everything that is handled so far, without records in running
   * handlers; for those, use `commit([record.position])`.
   *
   * @throws PosthornError `partition_not_owned`, `stale_epoch` or `member_not_found` if the partition now belongs to
   *   another member; `details` has what was `committed` and what was `refused`
   */
  commit(offsets?: readonly OffsetToCommit[]): Promise<void> {
    return this.#run.committer.commit(offsets);
  }

  /** Returns the lag of its partitions. Asks the broker. */
  async lag(): Promise<PartitionLag[]> {
    const { group } = this.#run.config;
    const topics = [...new Set(this.assignment.map(({ topic }) => topic))];
    const partitions = this.assignment.map(({ partition }) => partition);
    const known = await Promise.all(
      topics.map((topic) => this.#groups.offsets(group, { topic, partitions })),
    );
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
   * Begins no more records, waits for running handlers, commits, and leaves the group. With an `instanceId` it stays a
   * member until its session ends, so that it can come back. Do not await it in a handler, because it waits for that
   * handler.
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
