/** The contract of topics: definitions, what can be changed, and what is told about a topic and its partitions. */

import * as z from '../zod.ts';
import { BATCH_BYTES_MAX, PARTITIONS_MAX } from '../limits.ts';
import { nameSchema } from './names.ts';
import { nextPage } from './pages.ts';

const KiB = 1024;
const DAY_MS = 86_400_000;

export const LOCATION_HINTS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;
export const JURISDICTIONS = ['eu', 'fedramp'] as const;

/**
 * The identity of a topic: one that is deleted and made again under its name has another. Positions belong to a topic by
 * its id, not by its name.
 */
export const topicIdSchema = z.int().min(1);

const offset = () => z.int().min(0);

/** Fields that can change after the topic was made. */
const changeable = {
  partitions: z.int().min(1).max(PARTITIONS_MAX).describe('How many partitions; can grow, never shrink'),
  retention_ms: z
    .int()
    .min(1_000)

    .nullable()
    .describe('Records older than this are removed; null keeps them for ever'),
  retention_bytes: z
    .int()
    .min(64 * KiB)

    .nullable()
    .describe('Each partition is held to about this size by removing its oldest records; null sets no limit'),
  hot_bytes: z
    .int()
    .min(64 * KiB)
    .max(8_000_000_000)
    .nullable()
    .describe(
      'What each partition keeps in its object. Older records move to the bucket of the broker, if it has one and the topic is neither compacted nor bound to a jurisdiction; null: none move',
    ),
  cleanup_policy: z
    .enum(['delete', 'compact', 'compact,delete'])
    .describe('delete: by retention. compact: the latest record of each key stays. compact,delete: both'),
  delete_retention_ms: z
    .int()
    .min(0)

    .describe('How long compaction keeps a tombstone (a record with a key and a null value)'),
  min_cleanable_dirty_ratio: z
    .number()
    .min(0)
    .max(1)
    .describe('Compaction begins when this share of the bytes has not been compacted yet'),
  timestamp_type: z
    .enum(['create', 'append'])
    .describe('create: the producer says when. append: the partition says when it stored the record'),
  max_batch_bytes: z
    .int()
    .min(KiB)
    .max(BATCH_BYTES_MAX)
    .describe('The largest record batch that the topic accepts'),
};

/** Fields that decide where the data lives and so are fixed when the topic is made. */
const fixed = {
  location_hint: z
    .enum(LOCATION_HINTS)
    .nullable()
    .describe('The region to place the partitions in, if it can be'),
  jurisdiction: z
    .enum(JURISDICTIONS)
    .nullable()
    .describe('The jurisdiction that the partitions must not leave'),
};

export const topicConfigSchema = z.strictObject({ ...changeable, ...fixed });
export type TopicConfig = z.infer<typeof topicConfigSchema>;

export const TOPIC_DEFAULTS: TopicConfig = {
  partitions: 1,
  retention_ms: 7 * DAY_MS,
  retention_bytes: null,
  hot_bytes: 1_000_000_000,
  cleanup_policy: 'delete',
  delete_retention_ms: DAY_MS,
  min_cleanable_dirty_ratio: 0.5,
  timestamp_type: 'create',
  max_batch_bytes: BATCH_BYTES_MAX,
  location_hint: null,
  jurisdiction: null,
};

export const topicDeclarationSchema = topicConfigSchema.partial();
export type TopicDeclaration = z.infer<typeof topicDeclarationSchema>;

export const topicChangeSchema = z.strictObject(changeable).partial();
export type TopicChange = z.infer<typeof topicChangeSchema>;

export const topicSchema = z.object({
  topic: nameSchema,
  topic_id: topicIdSchema.describe('It changes when the topic is deleted and made again'),
  ...topicConfigSchema.shape,
  topology_version: z.int().min(1).describe('The version of the topology that this answer was read from'),
});
export type TopicReply = z.infer<typeof topicSchema>;

export const topicListSchema = z.object({
  topics: z.array(
    topicSchema.omit({ topology_version: true }).extend({
      lag: z
        .int()
        .min(0)
        .nullable()
        .optional()
        .describe('With `include=lag`: that of the group which is furthest behind; null: no group reads it'),
    }),
  ),
  next: nextPage(),
});
export type TopicList = z.infer<typeof topicListSchema>;

export const topicDeletedSchema = z.object({ topic: nameSchema, topology_version: z.int().min(1) });
export type TopicDeleted = z.infer<typeof topicDeletedSchema>;

export const partitionStateSchema = z.object({
  topic: nameSchema,
  topic_id: topicIdSchema,
  partition: z.int().min(0),
  log_start_offset: offset().describe('The first offset that can be read'),
  high_watermark: offset().describe('The offset that the next record will get'),
  last_stable_offset: offset().describe('Below it every transaction has ended'),
  producers: z.int().min(0).describe('Idempotent producers that it remembers'),
  size_bytes: z.int().min(0).describe('Bytes of record batches stored'),
  cold_bytes: z.int().min(0).describe('Those of them that are in the bucket: see `hot_bytes` of the topic'),
  segments: z.int().min(0).describe('Rows that hold the others'),
  storage_bytes: z.int().min(0).describe('The bytes that the object occupies on disk'),
  waiting: z.int().min(0).describe('Readers that wait for the next record'),
  damaged_batches: z
    .int()
    .min(0)
    .describe(
      'Stored batches that reads have found damaged (their CRC does not match) since the object woke',
    ),
  meter: z
    .object({
      rows_written: z.int().min(0),
      rows_read: z.int().min(0),
      appends: z.int().min(0).describe('Produce requests stored'),
      commits: z.int().min(0).describe('Commits that stored them; fewer than appends under load'),
      since: z.int().describe('When this count began, in ms: the object starts anew after it was idle'),
    })
    .describe('The rows that the object has read and written since it woke, as the platform bills them'),
});
export type PartitionState = z.infer<typeof partitionStateSchema>;

export const recordsDeletedSchema = z.object({
  topic: nameSchema,
  topic_id: topicIdSchema,
  partition: z.int().min(0),
  log_start_offset: offset(),
  high_watermark: offset(),
});
export type RecordsDeleted = z.infer<typeof recordsDeletedSchema>;
