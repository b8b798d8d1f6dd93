/**
 * Topic configs: Kafka's names for the settings of a topic. Those of the first table are the broker's own. Those of the second are taken
 * and change nothing, so that programs which set them for Kafka's sake run as they are. A name that is in neither is refused.
 */

import { BATCH_BYTES_MAX } from '../../../protocol/limits.ts';
import { TOPIC_DEFAULTS } from '../../../protocol/schemas/topics.ts';
import type { ChangeableTopicFields, Topic } from '../../../sdk/admin/topic-types.ts';
import { kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';

export interface GivenConfig {
  name: string;
  /** Null: the default. */
  value: string | null;
}

type Fields = Omit<ChangeableTopicFields, 'partitions'>;

interface Config {
  field: keyof Fields;
  /** Null for a text that is no value of it. */
  read: (text: string) => Fields[keyof Fields] | undefined;
  write: (topic: Fields) => string;
  /** `ConfigDef.Type` as DescribeConfigs numbers it. */
  type: number;
}

export const TYPE = { boolean: 1, string: 2, int: 3, double: 6, long: 5, list: 7 } as const;

/** Kafka has no upper end for a time that is kept for ever. */
const FOR_EVER = '-1';

const CONFIGS: Readonly<Record<string, Config>> = {
  'retention.ms': {
    field: 'retentionMs',
    read: (text) =>
      isInt(text)
        ? Number(text) < 0
          ? null
          : Math.min(Math.max(1_000, Number(text)), Number.MAX_SAFE_INTEGER)
        : undefined,
    write: ({ retentionMs }) => String(retentionMs ?? FOR_EVER),
    type: TYPE.long,
  },
  'retention.bytes': {
    field: 'retentionBytes',
    read: (text) =>
      isInt(text)
        ? Number(text) < 0
          ? null
          : Math.min(Math.max(65_536, Number(text)), Number.MAX_SAFE_INTEGER)
        : undefined,
    write: ({ retentionBytes }) => String(retentionBytes ?? -1),
    type: TYPE.long,
  },
  'local.retention.bytes': {
    field: 'hotBytes',
    read: (text) =>
      isInt(text)
        ? Number(text) < 0
          ? null
          : Math.min(Math.max(65_536, Number(text)), 8_000_000_000)
        : undefined,
    write: ({ hotBytes }) => String(hotBytes ?? -1),
    type: TYPE.long,
  },
  'cleanup.policy': {
    field: 'cleanupPolicy',
    read: (text) =>
      POLICIES.get(
        text
          .split(',')
          .map((each) => each.trim())
          .toSorted()
          .join(','),
      ),
    write: ({ cleanupPolicy }) => cleanupPolicy,
    type: TYPE.list,
  },
  'delete.retention.ms': {
    field: 'deleteRetentionMs',
    read: (text) =>
      isInt(text) && Number(text) >= 0 ? Math.min(Number(text), Number.MAX_SAFE_INTEGER) : undefined,
    write: ({ deleteRetentionMs }) => String(deleteRetentionMs),
    type: TYPE.long,
  },
  'min.cleanable.dirty.ratio': {
    field: 'minCleanableDirtyRatio',
    read: (text) => (Number(text) >= 0 && Number(text) <= 1 && text !== '' ? Number(text) : undefined),
    write: ({ minCleanableDirtyRatio }) => String(minCleanableDirtyRatio),
    type: TYPE.double,
  },
  'message.timestamp.type': {
    field: 'timestampType',
    read: (text) => TIMESTAMP_TYPES.get(text),
    write: ({ timestampType }) => (timestampType === 'append' ? 'LogAppendTime' : 'CreateTime'),
    type: TYPE.string,
  },
  'max.message.bytes': {
    field: 'maxBatchBytes',
    read: (text) =>
      isInt(text) && Number(text) >= 0 ? Math.min(Math.max(1_024, Number(text)), BATCH_BYTES_MAX) : undefined,
    write: ({ maxBatchBytes }) => String(maxBatchBytes),
    type: TYPE.int,
  },
};

/** What is so whatever a client asks for: mostly how Kafka keeps files and copies, of which there are none here. */
const IMMATERIAL: Readonly<Record<string, { value: string; type: number }>> = {
  'compression.type': { value: 'producer', type: TYPE.string },
  'file.delete.delay.ms': { value: '60000', type: TYPE.long },
  'flush.messages': { value: '1', type: TYPE.long },
  'flush.ms': { value: '0', type: TYPE.long },
  'index.interval.bytes': { value: '4096', type: TYPE.int },
  'max.compaction.lag.ms': { value: '9223372036854775807', type: TYPE.long },
  'message.timestamp.after.max.ms': { value: '3600000', type: TYPE.long },
  'message.timestamp.before.max.ms': { value: '9223372036854775807', type: TYPE.long },
  'min.compaction.lag.ms': { value: '0', type: TYPE.long },
  'min.insync.replicas': { value: '1', type: TYPE.int },
  preallocate: { value: 'false', type: TYPE.boolean },
  'segment.bytes': { value: '1048576', type: TYPE.int },
  'segment.index.bytes': { value: '10485760', type: TYPE.int },
  'segment.jitter.ms': { value: '0', type: TYPE.long },
  'segment.ms': { value: '604800000', type: TYPE.long },
  'unclean.leader.election.enable': { value: 'false', type: TYPE.boolean },
};

const POLICIES = new Map<string, Fields['cleanupPolicy']>([
  ['delete', 'delete'],
  ['compact', 'compact'],
  ['compact,delete', 'compact,delete'],
]);

const TIMESTAMP_TYPES = new Map<string, Fields['timestampType']>([
  ['CreateTime', 'create'],
  ['LogAppendTime', 'append'],
]);

/** The fields of a declaration that the configs stand for. */
export function fieldsOfConfigs(configs: readonly GivenConfig[]): Partial<Fields> | KafkaFailure {
  const fields: Record<string, unknown> = {};
  for (const { name, value } of configs) {
    const config = Object.hasOwn(CONFIGS, name) ? CONFIGS[name]! : null;
    if (value === null) continue;
    if (config) {
      const read = config.read(value);
      if (read === undefined) return kafkaFailure('INVALID_CONFIG', `"${value}" is no value of ${name}`);
      fields[config.field] = read;
    } else if (!Object.hasOwn(IMMATERIAL, name)) {
      return kafkaFailure('INVALID_CONFIG', `there is no setting ${name} of a topic`);
    }
  }
  return fields;
}

/** As the answer to CreateTopics has them. */
export function configsOf(topic: Omit<Topic, 'topologyVersion'>): object[] {
  return describedConfigs(topic).map(({ name, value, isReadOnly }) => ({
    name,
    value,
    readOnly: isReadOnly,
    configSource: SOURCE.default,
    isSensitive: false,
  }));
}

/** `ConfigSource` as Kafka numbers it. */
export const SOURCE = { topic: 1, broker: 4, default: 5, group: 8 } as const;

export interface DescribedConfig {
  name: string;
  value: string;
  type: number;
  isReadOnly: boolean;
}

export function describedConfigs(topic: Fields): DescribedConfig[] {
  return [
    ...Object.entries(CONFIGS).map(([name, { write, type }]) => ({
      name,
      value: write(topic),
      type,
      isReadOnly: false,
    })),
    ...Object.entries(IMMATERIAL).map(([name, { value, type }]) => ({ name, value, type, isReadOnly: true })),
  ];
}

function isInt(text: string): boolean {
  return /^\s*-?\d{1,19}\s*$/.test(text);
}

/** What a topic has that was made without settings. */
export const TOPIC_DEFAULTS_OF_CONFIGS: readonly DescribedConfig[] = describedConfigs({
  retentionMs: TOPIC_DEFAULTS.retention_ms,
  retentionBytes: TOPIC_DEFAULTS.retention_bytes,
  hotBytes: TOPIC_DEFAULTS.hot_bytes,
  cleanupPolicy: TOPIC_DEFAULTS.cleanup_policy,
  deleteRetentionMs: TOPIC_DEFAULTS.delete_retention_ms,
  minCleanableDirtyRatio: TOPIC_DEFAULTS.min_cleanable_dirty_ratio,
  timestampType: TOPIC_DEFAULTS.timestamp_type,
  maxBatchBytes: TOPIC_DEFAULTS.max_batch_bytes,
});
