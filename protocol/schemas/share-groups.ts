/** The contract of share groups: many members on one partition, each record locked by one of them until it is acknowledged. */

import * as z from '../zod.ts';
import {
  FETCH_BYTES_DEFAULT,
  FETCH_BYTES_MAX,
  LEASE_MS_MAX,
  LEASE_MS_MIN,
  PARTITIONS_MAX,
  SETTLE_TAGS_MAX,
  SHARE_DELIVERY_LIMIT_DEFAULT,
  SHARE_DELIVERY_LIMIT_MAX,
  SHARE_IN_FLIGHT_MAX,
  SHARE_LOCK_MS_DEFAULT,
  SHARE_TOPICS_MAX,
  WAIT_MS_MAX,
} from '../limits.ts';
import { nameSchema, wideNameSchema } from './names.ts';
import { consumeDelivery, fetchedRecordSchema, type FetchedRecord } from './records.ts';
import { namedPartitionSchema, resetTo, type NamedPartition } from './groups.ts';
import { nextPage } from './pages.ts';

const lockMs = () => z.int().min(LEASE_MS_MIN).max(LEASE_MS_MAX);

export const shareDeadLetterSchema = z.union([
  z.strictObject({ queue: wideNameSchema }),
  z.strictObject({ topic: nameSchema }),
  z.literal('none'),
]);
export type ShareDeadLetter = z.output<typeof shareDeadLetterSchema>;

export const shareGroupConfigSchema = z.strictObject({
  topics: z
    .array(nameSchema)
    .max(SHARE_TOPICS_MAX)
    .refine((topics) => new Set(topics).size === topics.length, 'names a topic twice')
    .meta({ uniqueItems: true })
    .describe('They have to exist. None: the group reads nothing yet'),
  lock_duration_ms: lockMs()
    .default(SHARE_LOCK_MS_DEFAULT)
    .describe('For how long an acquired record is nobody else’s, unless the call says otherwise'),
  delivery_limit: z
    .int()
    .min(1)
    .max(SHARE_DELIVERY_LIMIT_MAX)
    .default(SHARE_DELIVERY_LIMIT_DEFAULT)
    .describe('A record that was acquired this often and not accepted is archived'),
  dead_letter: shareDeadLetterSchema
    .optional()
    .describe(
      'The target of copies of archived records, at least once; once for a queue. Default: the queue `<group>.dlq`, which is created if necessary. `none`: they are only counted',
    ),
  start: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe('Where a partition begins, with the first call for records'),
});
export type ShareGroupDeclaration = z.output<typeof shareGroupConfigSchema>;
export type ShareGroupConfig = ShareGroupDeclaration & { dead_letter: ShareDeadLetter };

export const shareGroupSchema = z.object({
  share_group: nameSchema,
  ...shareGroupConfigSchema.shape,
  warnings: z
    .array(z.string())
    .optional()
    .describe('Likely mistakes, such as a dead-letter target that does not exist. Absent if there are none'),
  topology_version: z.int().min(1),
});
export type ShareGroupReply = z.output<typeof shareGroupSchema>;

export const shareGroupListSchema = z.object({
  share_groups: z.array(shareGroupSchema.omit({ topology_version: true, warnings: true })),
  next: nextPage(),
});
export type ShareGroupList = z.output<typeof shareGroupListSchema>;

export const sharePartitionSchema = z.object({
  topic: nameSchema,
  partition: z.int(),
  start_offset: z.int().describe('Everything before it is done'),
  end_offset: z.int().describe('Nothing from it on has been handed out'),
  in_flight: z.int().describe('Records that a member has locked'),
  available: z.int().describe('Records that were handed out before and wait for a member'),
  archived: z.int().describe('Records given up so far: rejected, or delivered too often'),
  lag: z.int().describe('Records that are not done: locked, available, and those not handed out yet'),
  dead_letters_waiting: z.int().describe('Dead letters that their queue or topic does not have yet'),
});
export type SharePartition = z.output<typeof sharePartitionSchema>;

export const shareGroupStateSchema = z.object({
  ...shareGroupSchema.shape,
  partitions: z.array(sharePartitionSchema),
});
export type ShareGroupState = z.output<typeof shareGroupStateSchema>;

export const shareGroupDeletedSchema = z.object({
  share_group: nameSchema,
  topology_version: z.int().min(1),
});

const memberId = () => z.string().min(1).max(255);

export type SharePlace = NamedPartition;

export const resetShareSchema = z.strictObject({
  ...namedPartitionSchema.pick({ topic: true, topic_id: true }).shape,
  partitions: z.array(z.int().min(0)).min(1).max(PARTITIONS_MAX).optional().describe('Left out: all'),
  to: resetTo().describe('As for groups. `none`: the group begins anew, as `start` says'),
  dry_run: z.boolean().default(false),
});
export type ResetShareFields = z.output<typeof resetShareSchema>;

export const acquireSchema = z.strictObject({
  member_id: memberId().describe('Any name that the member chooses. There is nothing to join'),
  max_records: z.int().min(1).max(SHARE_IN_FLIGHT_MAX).default(500).describe('Over all partitions'),
  max_bytes: z
    .int()
    .min(1)
    .max(FETCH_BYTES_MAX)
    .default(FETCH_BYTES_DEFAULT)
    .describe('About how many bytes of stored batches are read, over all partitions'),
  wait_ms: z.int().min(0).max(WAIT_MS_MAX).default(0).describe('How long to wait if there are none'),
  lock_duration_ms: lockMs().optional().describe("Instead of the group's"),
  partitions: z
    .array(namedPartitionSchema)
    .min(1)
    .max(PARTITIONS_MAX)
    .optional()
    .describe('Only of these. Default: all'),
  delivery: consumeDelivery(
    'at-least-once (default): locked until they are acknowledged. at-most-once: accepted before they leave. Exactly once is refused: a member does it by topic, partition and offset',
    ['at-most-once', 'at-least-once'],
  ),
});
export type AcquireFields = z.output<typeof acquireSchema>;

const acquiredRecordSchema = fetchedRecordSchema.extend({
  topic: nameSchema,
  partition: z.int(),
  acquisition_tag: z.string().describe('The tag that acknowledges it; it names this delivery'),
  delivery_count: z.int().describe('From 1'),
  lock_expires_at: z.int().nullable().describe('In ms since 1970; null if it is accepted already'),
});
export type AcquiredRecord<OneRecord = FetchedRecord> = OneRecord &
  Omit<z.output<typeof acquiredRecordSchema>, keyof FetchedRecord>;

export const acquiredSchema = z.object({ records: z.array(acquiredRecordSchema) });

const tag = () => z.string().min(1).max(100);
const tags = () => z.array(tag()).max(SETTLE_TAGS_MAX).default([]);

const rangeSchema = z.strictObject({
  kind: z.enum(['accept', 'release', 'reject', 'extend']),
  start_offset: z.int().min(0),
  end_offset: z.int().min(1).describe('The offset after the last'),
  lock_duration_ms: lockMs().optional().describe("Of `extend`, instead of the group's"),
});

const acknowledgedPartitionSchema = namedPartitionSchema.extend({
  ranges: z.array(rangeSchema).max(SHARE_IN_FLIGHT_MAX).default([]).describe('All are acknowledged, or none'),
  release_held: z.boolean().default(false).describe('After that, releases what else the member has locked'),
});
export type AcknowledgedPartition = z.output<typeof acknowledgedPartitionSchema>;

export const acknowledgeSchema = z
  .strictObject({
    accept: tags().describe('Done'),
    release: tags().describe('Given back, for any member; archived if that was the last permitted delivery'),
    reject: tags().describe('Archived now'),
    extend: z
      .array(z.strictObject({ tag: tag(), lock_duration_ms: lockMs() }))
      .max(SETTLE_TAGS_MAX)
      .default([])
      .describe('Locked for this long from now'),
    partitions: z
      .array(acknowledgedPartitionSchema)
      .max(PARTITIONS_MAX)
      .default([])
      .describe('Ranges of offsets instead of tags. They need a `member_id`'),
    member_id: memberId().optional().describe('If given, only records of this member are acknowledged'),
  })
  .refine(
    ({ accept, release, reject, extend, partitions }) =>
      accept.length + release.length + reject.length + extend.length + partitions.length > 0,
    'expected at least one tag',
  )
  .refine(
    ({ partitions, member_id: member }) => partitions.length === 0 || member !== undefined,
    'ranges of offsets need a member_id',
  )
  .meta({
    anyOf: [
      ...['accept', 'release', 'reject', 'extend'].map((kind) => ({
        required: [kind],
        properties: { [kind]: { minItems: 1 } },
      })),
      { required: ['partitions', 'member_id'], properties: { partitions: { minItems: 1 } } },
    ],
  });
export type AcknowledgeFields = z.output<typeof acknowledgeSchema>;

export const ACKNOWLEDGE_OUTCOMES = [
  'accepted',
  'released',
  'archived',
  'extended',
  'already_done',
  'lock_expired',
  'not_yours',
  'unknown_tag',
] as const;
export type AcknowledgeOutcome = (typeof ACKNOWLEDGE_OUTCOMES)[number];

const RANGES_OUTCOMES = [
  'acknowledged',
  'already_done',
  'lock_expired',
  'not_yours',
  'unknown_record',
] as const;
export type RangesOutcome = (typeof RANGES_OUTCOMES)[number];

export const acknowledgedSchema = z.object({
  results: z
    .array(z.object({ tag: z.string(), outcome: z.enum(ACKNOWLEDGE_OUTCOMES) }))
    .describe('In the order of the request: accept, release, reject, extend'),
  partitions: z
    .array(z.object({ ...namedPartitionSchema.shape, outcome: z.enum(RANGES_OUTCOMES) }))
    .optional()
    .describe('In the order of the request. Absent if it names no ranges'),
});
export type AcknowledgedReply = z.output<typeof acknowledgedSchema>;

/** `<group id>-<topic id>-<partition>-<offset>-<delivery>`, each in base 36. */
export interface AcquisitionTag {
  groupId: number;
  topicId: number;
  partition: number;
  offset: number;
  delivery: number;
}

export function formatAcquisitionTag(tag: AcquisitionTag): string {
  const { groupId, topicId, partition, offset, delivery } = tag;
  return [groupId, topicId, partition, offset, delivery].map((part) => part.toString(36)).join('-');
}

/** Null for what is no tag of any group. */
export function parseAcquisitionTag(text: string): AcquisitionTag | null {
  if (!/^[0-9a-z]{1,10}(-[0-9a-z]{1,10}){4}$/.test(text)) return null;
  const parts = text.split('-').map((part) => parseInt(part, 36));
  const [groupId, topicId, partition, offset, delivery] = parts as [number, number, number, number, number];
  return { groupId, topicId, partition, offset, delivery };
}
