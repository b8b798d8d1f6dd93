/** Topics: declare, read, list, change, delete; and their partitions. */

import type {
  PartitionState as WirePartitionState,
  RecordsDeleted as WireRecordsDeleted,
  TopicList,
  TopicReply,
} from '../../protocol/schemas/topics.ts';
import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, type HttpCall, type Transport } from '../client/transport.ts';
import { invalidArgument } from '../errors.ts';
import { partitionPath, topicPath } from '../client/names.ts';
import type { PartitionState, RecordsDeleted, Topic, TopicChange, TopicDeclaration } from './topic-types.ts';
import { fromWire, toWire } from '../client/wire.ts';

/**
 * All calls retry temporary failures, and throw `PosthornError`: `invalid_argument`, `invalid_field`,
 * `topic_not_found`, `connection_failed`, `timeout`, `aborted`, and those named below.
 */
export class Topics {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the topic, or checks that it has the given settings. Settings that are left out take their defaults and are
   * not checked. Call it at each start.
   *
   * @throws PosthornError `topic_differs` with `details.differing`
   * @example await posthorn.topics.declare('orders', { partitions: 10, retentionMs: null });
   */
  async declare(
    topic: string,
    declaration: TopicDeclaration = {},
    options: CallOptions = {},
  ): Promise<Topic> {
    return await this.#topic(topic, { method: 'PUT', ...jsonBody(toWire(declaration)), ...options });
  }

  async get(topic: string, options: CallOptions = {}): Promise<Topic> {
    return await this.#topic(topic, { method: 'GET', ...options });
  }

  /** All topics of the namespace, by name. */
  async list(options: CallOptions = {}): Promise<Omit<Topic, 'topologyVersion'>[]> {
    const topics = await listAll(this.#transport, '/topics', (page: TopicList) => page.topics, options);
    return topics.map((topic) => fromWire<Omit<Topic, 'topologyVersion'>>(topic));
  }

  /**
   * Changes the given settings only. Partitions can be added, which moves keys to other partitions.
   *
   * @throws PosthornError `partitions_cannot_shrink`
   */
  async change(topic: string, change: TopicChange, options: CallOptions = {}): Promise<Topic> {
    return await this.#topic(topic, { method: 'PATCH', ...jsonBody(toWire(change)), ...options });
  }

  /** Deletes the topic and all its records. */
  async delete(topic: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: topicPath(topic), ...options }, 'topic_not_found');
  }

  /**
   * The offsets, size and meter of a partition.
   *
   * @throws PosthornError `partition_not_found` with `details.partitions`
   */
  async describePartition(
    topic: string,
    partition: number,
    options: CallOptions = {},
  ): Promise<PartitionState> {
    const path = partitionPath(topic, partition);
    const reply = await this.#transport.json<WirePartitionState>({ method: 'GET', path, ...options });
    return fromWire<PartitionState>(reply);
  }

  /**
   * Removes the records below an offset; `latest` removes all there are.
   *
   * @param options with `topicId`: refused if the topic was deleted and made again since
   * @throws PosthornError `offset_below_start`, `offset_past_end` with the valid range in `details`; `inconsistent_topic_id`
   * @example await posthorn.topics.deleteRecords('orders', 0, { before: 100 });
   */
  async deleteRecords(
    topic: string,
    partition: number,
    { before, topicId, ...options }: CallOptions & { before: number | 'latest'; topicId?: number },
  ): Promise<RecordsDeleted> {
    if (before !== 'latest' && !(Number.isSafeInteger(before) && before >= 0)) {
      throw invalidArgument(`before is an offset or "latest", got ${String(before)}`);
    }
    const path = `${partitionPath(topic, partition)}/records`;
    const reply = await this.#transport.json<WireRecordsDeleted>({
      method: 'DELETE',
      path,
      query: { before, topic_id: topicId },
      ...options,
    });
    return fromWire<RecordsDeleted>(reply);
  }

  async #topic(topic: string, call: Omit<HttpCall, 'path'>): Promise<Topic> {
    return fromWire<Topic>(await this.#transport.json<TopicReply>({ ...call, path: topicPath(topic) }));
  }
}
