/** The contract of the overview: what objects report of themselves, and what is told of a namespace from it. */

import * as z from '../zod.ts';
import { nameSchema, wideNameSchema } from './names.ts';
import { PAGE_ITEMS_MAX } from '../limits.ts';
import { DEATH_REASONS } from './death-reasons.ts';

const count = () => z.int().min(0);
const rate = () => z.number().min(0);
const time = () => z.int().describe('In ms since 1970');

/** Counted since the object was first seen by the overview. */
export const overviewCountersSchema = z.object({
  published: count().describe('Messages that queues took'),
  delivered: count().describe('Messages that consumers were given'),
  acked: count(),
  expired: count().describe('Expired and not dead-lettered'),
  dropped: count().describe('Dropped, purged or rejected, and not dead-lettered'),
  replayed: count(),
  records: count().describe('Records that partitions took, with the markers of transactions'),
  rows_written: count(),
  dead_letters: z.object(
    Object.fromEntries(DEATH_REASONS.map((reason) => [reason, count()])) as Record<
      (typeof DEATH_REASONS)[number],
      z.ZodInt
    >,
  ),
});
export type OverviewCounters = z.infer<typeof overviewCountersSchema>;

/** In one second, over the last minute. */
export const overviewRatesSchema = z.object({
  published: rate(),
  delivered: rate(),
  acked: rate(),
  dead_lettered: rate(),
  records: rate(),
  rows_written: rate(),
});
export type OverviewRates = z.infer<typeof overviewRatesSchema>;

export const queueReportSchema = z.object({
  ready: count(),
  leased: count(),
  parked: count().describe('Messages that wait for their time: delayed, scheduled, or to be retried'),
  outgoing: count().describe('Dead letters on their way'),
  bytes: count().describe('Bytes of messages that are ready or leased'),
  stored_bytes: count().describe('Bytes that the object occupies on disk'),
  oldest_ms: z.int().nullable().describe('When the oldest ready message was published; null: none is ready'),
  consumers: count(),
  is_paused: z.boolean(),
  is_full: z.boolean().describe('It refuses messages, or drops the oldest for each new one'),
  dead_letter_queue: wideNameSchema
    .nullable()
    .describe('The queue that gets its dead letters; null: none, or an exchange'),
  outgoing_problem: z.string().nullable().describe('Why dead letters are still here; null: nothing is wrong'),
  firing: z.array(nameSchema).describe('Alerts that are firing'),
});
export type QueueReport = z.infer<typeof queueReportSchema>;

export const groupLagSchema = z.object({
  group: wideNameSchema,
  kind: z.enum(['group', 'share_group']),
  offset: count()
    .nullable()
    .describe('The committed offset; null: none. Of a share group: where its window begins'),
  lag: count().describe('Records that the group has yet to handle'),
});
export type GroupLag = z.infer<typeof groupLagSchema>;

export const partitionReportSchema = z.object({
  high_watermark: count(),
  log_start_offset: count(),
  size_bytes: count().describe('Bytes of record batches'),
  stored_bytes: count().describe('Bytes that the object occupies on disk'),
  damaged_batches: count(),
  groups: z.array(groupLagSchema).describe('The first groups by name that read the partition'),
});
export type PartitionReport = z.infer<typeof partitionReportSchema>;

const reported = {
  reported_at: time(),
  counters: overviewCountersSchema,
  rates: overviewRatesSchema,
};

export const queueOverviewSchema = z.object({ ...queueReportSchema.shape, ...reported });
export type QueueOverview = z.infer<typeof queueOverviewSchema>;

export const topicOverviewSchema = z.object({
  topic: nameSchema,
  partitions: count().describe('Partitions that have reported'),
  size_bytes: count(),
  stored_bytes: count(),
  lag: count()
    .nullable()
    .describe('The lag of the group that is furthest behind; null: no group reads the topic'),
  ...reported,
});
export type TopicOverview = z.infer<typeof topicOverviewSchema>;

export const groupOverviewSchema = z.object({
  group: wideNameSchema,
  kind: z.enum(['group', 'share_group']),
  topics: z.array(nameSchema),
  lag: count().describe('Over all partitions'),
});
export type GroupOverview = z.infer<typeof groupOverviewSchema>;

/** The worst first. */
export const PROBLEM_KINDS = [
  'dead_letters_growing',
  'dead_letters',
  'target_broken',
  'damaged',
  'cost_ceiling',
  'full',
  'storage_nearly_full',
  'alert_firing',
  'lag_stuck',
  'old_messages',
  'no_consumer',
  'paused',
] as const;

export const overviewProblemSchema = z.object({
  problem: z.enum(PROBLEM_KINDS),
  kind: z.enum(['queue', 'partition', 'group', 'share_group', 'namespace']),
  name: wideNameSchema,
  partition: count().optional(),
  detail: z.string(),
});
export type OverviewProblem = z.infer<typeof overviewProblemSchema>;

export const OVERVIEW_ITEMS_DEFAULT = 100;

export const overviewQuerySchema = z.strictObject({
  limit: z
    .int()
    .min(1)
    .max(PAGE_ITEMS_MAX)
    .default(OVERVIEW_ITEMS_DEFAULT)
    .describe('Problems, queues, topics and groups, at most so many of each'),
});

export const overviewSchema = z.object({
  at: time(),
  totals: z.object({
    queues: count().describe('Queues that have reported, as every queue does when it is made or changed'),
    topics: count(),
    partitions: count(),
    groups: count(),
    ready: count(),
    leased: count(),
    parked: count(),
    outgoing: count(),
    consumers: count(),
    lag: count().describe('Of all groups'),
    stored_bytes: count().describe('Of all queues and partitions, on disk'),
    problems: count(),
  }),
  counters: overviewCountersSchema.describe('Also of what was deleted since'),
  rates: overviewRatesSchema,
  problems: z.array(overviewProblemSchema).describe('The worst kinds first'),
  queues: z
    .array(queueOverviewSchema.extend({ queue: wideNameSchema }))
    .describe('Those with the most ready messages'),
  topics: z.array(topicOverviewSchema).describe('Those with the largest lag, then by records'),
  groups: z.array(groupOverviewSchema).describe('Those with the largest lag'),
});
export type Overview = z.infer<typeof overviewSchema>;
