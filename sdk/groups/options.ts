/** Options of a group consumer. */

import {
  FETCH_BYTES_DEFAULT,
  FETCH_BYTES_MAX,
  SESSION_TIMEOUT_MS_DEFAULT,
  SESSION_TIMEOUT_MS_MAX,
  SESSION_TIMEOUT_MS_MIN,
  WAIT_MS_MAX,
} from '../../protocol/limits.ts';
import type { AssignorName } from '../../protocol/assignors.ts';
import type { BodyOptions } from '../claims/open-body.ts';
import { checkRange, levelFields } from '../client/options.ts';
import { invalidArgument } from '../errors.ts';
import { checkName, checkWideName } from '../client/names.ts';
import type { TransactionalProducer } from '../transactions/transactional-producer.ts';
import type { TopicReplaced } from '../client/topic-replaced.ts';
import type { GroupBatch, GroupRecord } from './group-record.ts';
import type { AssignedPartition } from '../values/assigned-partition.ts';
import type { TopicPartition } from '../values/topic-partition.ts';

export type { TopicPartition } from '../values/topic-partition.ts';

/** What a handler is told beside its records. */
export interface HandlerContext {
  /** 1 for the first attempt. */
  attempt: number;
  /** Fires when another member already has the partition, or the consumer was aborted. Further work is done twice. */
  signal: AbortSignal;
}

/** How far a partition is handled, and how much there is. */
export interface PartitionLag extends TopicPartition {
  /** Records that are not handled yet. Counted by offsets: what compaction removed and markers of transactions count too. */
  lag: number;
  /** The next record to handle. */
  position: number;
  highWatermark: number;
}

export interface GroupConsumerOptions extends BodyOptions {
  /**
   * The delivery level. `at-least-once` (default): handled records are committed, as `commit` says, and others are read
   * again. `at-most-once`: up to `maxBatchRecords` of a partition are committed and then handled. If the process dies
   * meanwhile, the rest is lost, and a handler that throws is only reported to `onError`. `exactly-once` needs a
   * transactional producer: see `ExactlyOnceGroupOptions`.
   */
  delivery?: 'at-most-once' | 'at-least-once' | undefined;
  /** The name of the group. It exists from its first member on. */
  group: string;
  /** Topics to read; they have to exist. These, a pattern, or both. */
  topics?: readonly string[];
  /** Topics to read by name, also those made later: `*` is any characters, `?` any one. */
  topicPattern?: string | undefined;
  /** Handles a record. Instead of `eachBatch`. */
  eachRecord?: ((record: GroupRecord, context: HandlerContext) => unknown) | undefined;
  /** Handles records of one partition, in their order. Instead of `eachRecord`. */
  eachBatch?: ((batch: GroupBatch, context: HandlerContext) => unknown) | undefined;
  /** Records of a batch at most. Default 500. */
  maxBatchRecords?: number;
  /** How many handlers work at once, over all partitions. Default 10. */
  concurrency?: number;
  /**
   * Which records keep their order. `partition` (default): one record of a partition after another. `key`: records of
   * one key one after another, and other keys at the same time. The committed offset is then the lowest one not
   * handled.
   */
  orderBy?: 'partition' | 'key';
  /**
   * When the consumer commits handled records, one row for each partition: `interval` (default) every
   * `commitIntervalMs`, `batch` after each batch of a partition, `manual` only by `commit()`. The first two commit also
   * when a partition is given up.
   */
  commit?: 'interval' | 'batch' | 'manual';
  /** In ms. Default 5,000. */
  commitIntervalMs?: number;
  /** The delay before each retry of a handler that throws, in ms. Default `[1000, 5000, 30000]`. */
  retry?: { scheduleMs: readonly number[] };
  /**
   * The target of records whose last retry failed, with headers that say why. Then reading continues. Default: the
   * queue `<group>.dlq`, which the consumer declares with the first record if it does not exist. `none`: the consumer
   * ends with `handler_failed`, and the next one begins with the same record.
   */
  deadLetter?: { topic: string } | { queue: string } | 'none' | undefined;
  /** Called when this member got partitions. `seek` and `pause` work in it. Reading begins when it returns. */
  onAssigned?: ((partitions: AssignedPartition[]) => unknown) | undefined;
  /** Called when partitions go to others. No handler works on them any more, and the broker still accepts commits. */
  onRevoked?: ((partitions: AssignedPartition[]) => unknown) | undefined;
  /**
   * Called when another member already has the partitions, because this one was silent for too long or was removed.
   * Also called when their topic is gone and another one has its name (see `onTopicReplaced`).
   */
  onLost?: ((partitions: AssignedPartition[]) => unknown) | undefined;
  /**
   * A topic was deleted and made again under its name. Its partitions are lost (`onLost`), and the new ones are assigned and
   * read from where the group has committed in them: nothing, so that reading begins anew, at their start.
   */
  onTopicReplaced?: ((replaced: TopicReplaced) => unknown) | undefined;
  /** Called with the lag of the consumer, every `lagIntervalMs`. */
  onLag?: ((lags: PartitionLag[]) => unknown) | undefined;
  /** In ms. Default 30,000. */
  lagIntervalMs?: number;
  /**
   * A name of this instance that it keeps after a restart. If it comes back within the session timeout, it gets its
   * partitions back, and no other member is affected. Another member with the same name is fenced. With an instance id,
   * `stop` does not leave the group.
   */
  instanceId?: string | undefined;
  /** A member that is silent for this long loses its partitions, in ms, 1,000 to 1,800,000. Default 45,000. */
  sessionTimeoutMs?: number;
  /** The assignor. The group uses the one that most members name. Default `sticky-cooperative`. */
  assignor?: AssignorName | undefined;
  /** Where the member runs. The broker stores and shows it. */
  rack?: string | undefined;
  /**
   * Where reading begins in a partition without a committed offset. Default `earliest`. `latest` is the end at the time
   * when the group first saw the topic. What appears later (a partition, a topic that the pattern matches, a topic that
   * is made again) is read from its start.
   */
  autoOffsetReset?: 'earliest' | 'latest' | undefined;
  /** Default `read_uncommitted`. `read_committed`: no records of open or aborted transactions. */
  isolation?: 'read_uncommitted' | 'read_committed';
  /** Bytes of one fetch over all partitions, and about what each may have waiting, at most 8 MiB. Default 1 MiB. */
  fetchBytes?: number;
  /** How long one request waits for records, in ms. Default 30,000. */
  waitMs?: number;
  /**
   * Called for handlers that threw (with the record, or the first of the batch), for refused commits, and for failed
   * requests that will be repeated.
   */
  onError?: ((error: unknown, record: GroupRecord | null) => void) | undefined;
  /** Ends the consumer at once: nothing more is committed, and its partitions go to others when its session ends. */
  signal?: AbortSignal | undefined;
}

/**
 * A group's consumer that reads, transforms and produces: what a handler sends and how far it has read are one transaction,
 * for up to `maxBatchRecords` of a partition at a time. Each input has its results exactly once among committed records,
 * whatever crashes. What a handler does elsewhere is not part of it, and may happen twice.
 *
 * If a handler throws, the transaction is aborted and tried again with all of its records, as `retry` says. Then the
 * consumer ends. It also ends if the outcome of a commit cannot be known, because another instance has taken over the
 * transactional id. The group's offset then says where to continue.
 */
export interface ExactlyOnceGroupOptions extends Omit<
  GroupConsumerOptions,
  | 'delivery'
  | 'eachRecord'
  | 'eachBatch'
  | 'concurrency'
  | 'orderBy'
  | 'commit'
  | 'commitIntervalMs'
  | 'deadLetter'
  | 'isolation'
> {
  delivery: 'exactly-once';
  /** One for this consumer alone, whose `transactionalId` is the same after a restart. It is not closed with the consumer. */
  producer: TransactionalProducer;
  /** Handles a record. Instead of `eachBatch`. */
  eachRecord?:
    | ((record: GroupRecord, transaction: TransactionalProducer, context: HandlerContext) => unknown)
    | undefined;
  /** Handles records of one partition, in their order. Instead of `eachRecord`. */
  eachBatch?:
    | ((batch: GroupBatch, transaction: TransactionalProducer, context: HandlerContext) => unknown)
    | undefined;
}

export type GroupConsumerConfig = Omit<GroupConsumerOptions, 'delivery'> & {
  delivery: 'at-most-once' | 'at-least-once' | 'exactly-once';
  /** Of `exactly-once`: handlers take it before the context. */
  producer?: TransactionalProducer;
} & Required<
    Pick<
      GroupConsumerOptions,
      | 'maxBatchRecords'
      | 'concurrency'
      | 'orderBy'
      | 'commit'
      | 'commitIntervalMs'
      | 'retry'
      | 'lagIntervalMs'
      | 'sessionTimeoutMs'
      | 'isolation'
      | 'fetchBytes'
      | 'waitMs'
    >
  >;

const DEFAULTS = {
  delivery: 'at-least-once' as const,
  maxBatchRecords: 500,
  concurrency: 10,
  orderBy: 'partition' as const,
  commit: 'interval' as const,
  commitIntervalMs: 5_000,
  retry: { scheduleMs: [1_000, 5_000, 30_000] },
  lagIntervalMs: 30_000,
  sessionTimeoutMs: SESSION_TIMEOUT_MS_DEFAULT,
  isolation: 'read_uncommitted' as const,
  fetchBytes: FETCH_BYTES_DEFAULT,
  waitMs: 30_000,
};

/** What each level says of other options. */
const BY_BATCH = { commit: 'manual', orderBy: 'partition', deadLetter: undefined };
const LEVELS: Record<GroupConsumerConfig['delivery'], object> = {
  'at-most-once': { ...BY_BATCH, producer: undefined },
  'at-least-once': { producer: undefined }, // and dead letters by default
  'exactly-once': { ...BY_BATCH, concurrency: 1, isolation: 'read_committed' },
};

/** What a timer can wait for, in ms. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export function groupConsumerConfig(
  options: GroupConsumerOptions | ExactlyOnceGroupOptions,
): GroupConsumerConfig {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const config = {
    ...DEFAULTS,
    ...given,
    ...levelFields(options, LEVELS),
  } as unknown as GroupConsumerConfig;
  if (config.delivery === 'exactly-once' && !config.producer) {
    throw invalidArgument('exactly-once needs a producer');
  }
  checkWideName('group', config.group);
  for (const topic of config.topics ?? []) checkName('topic', topic);
  if (!config.topics?.length && config.topicPattern === undefined) {
    throw invalidArgument('name topics, a topicPattern, or both');
  }
  if ((config.eachRecord === undefined) === (config.eachBatch === undefined)) {
    throw invalidArgument('give either eachRecord or eachBatch');
  }
  checkRange('maxBatchRecords', config.maxBatchRecords, 1, Infinity);
  checkRange('concurrency', config.concurrency, 1, Infinity);
  checkRange('commitIntervalMs', config.commitIntervalMs, 1, DELAY_MS_MAX);
  checkRange('lagIntervalMs', config.lagIntervalMs, 1, DELAY_MS_MAX);
  for (const ms of config.retry.scheduleMs) checkRange('a delay of retry.scheduleMs', ms, 0, DELAY_MS_MAX);
  checkRange('sessionTimeoutMs', config.sessionTimeoutMs, SESSION_TIMEOUT_MS_MIN, SESSION_TIMEOUT_MS_MAX);
  checkRange('fetchBytes', config.fetchBytes, 1, FETCH_BYTES_MAX);
  checkRange('waitMs', config.waitMs, 1, WAIT_MS_MAX);
  checkOneOf('orderBy', config.orderBy, ['partition', 'key']);
  checkOneOf('commit', config.commit, ['interval', 'batch', 'manual']);
  if (config.orderBy === 'key' && config.eachBatch) {
    throw invalidArgument('orderBy "key" goes with eachRecord: the records of a batch have an order');
  }
  if (config.deadLetter !== undefined && config.deadLetter !== 'none') {
    const { topic, queue } = config.deadLetter as { topic?: string; queue?: string };
    if (queue === undefined) checkName('deadLetter.topic', topic!);
    else checkWideName('deadLetter.queue', queue);
  }
  return config;
}

function checkOneOf(name: string, value: string, values: readonly string[]): void {
  if (!values.includes(value))
    throw invalidArgument(`${name} is ${values.join(' or ')}, got ${String(value)}`);
}
