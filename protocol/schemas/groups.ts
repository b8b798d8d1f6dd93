/**
 * The contract of consumer groups: joining, staying a member, reading what is assigned, and offsets.
 *
 * `epoch` is the group's number of changes as the member knows it: each reply carries the newest, the next request sends it
 * back.
 */

import * as z from '../zod.ts';
import { ASSIGNORS, type AssignorName } from '../assignors.ts';
import {
  FETCH_BYTES_DEFAULT,
  FETCH_BYTES_MAX,
  GROUP_OFFSETS_MAX,
  GROUP_TOPICS_MAX,
  NAME_LENGTH_MAX,
  OFFSET_EARLIEST,
  OFFSET_METADATA_BYTES_MAX,
  REQUEST_RECORDS_MAX,
  SESSION_TIMEOUT_MS_DEFAULT,
  SESSION_TIMEOUT_MS_MAX,
  SESSION_TIMEOUT_MS_MIN,
  WAIT_MS_MAX,
} from '../limits.ts';
import { classicStateSchema } from './classic-groups.ts';
import { nameSchema, topicPatternSchema, wideNameSchema } from './names.ts';
import { oneOf, someOf, utf8BytesMax } from './schema-rules.ts';
import {
  atMostOnceIs,
  EXACTLY_ONCE_ISOLATION,
  consumeDelivery,
  fetchedRecordSchema,
  isolationSchema,
  onCorruptSchema,
  partitionNumbers,
  type FetchedRecord,
} from './records.ts';
import { topicIdSchema } from './topics.ts';
import { nextPage, pageFields } from './pages.ts';

export { ASSIGNORS, type AssignorName } from '../assignors.ts';
export const ASSIGNOR_DEFAULT: AssignorName = 'sticky-cooperative';

const epoch = () => z.int().min(1).describe('The epoch of the last reply to this member');
const memberId = () => z.string().min(1).max(255).describe('As the reply to joining gave it');

const topicPartition = { topic: nameSchema, partition: z.int().min(0) };
export type TopicPartition = z.infer<z.ZodObject<typeof topicPartition>>;

/** As a request names a partition, and perhaps the topic that it means by the name. */
const namedTopicId = {
  topic_id: topicIdSchema
    .optional()
    .describe(
      'The id from a reply. The request is refused if the topic was deleted and made again since. Default: not checked',
    ),
};
export const namedPartitionSchema = z.strictObject({ ...topicPartition, ...namedTopicId });
export type NamedPartition = z.infer<typeof namedPartitionSchema>;

/** As a reply names a partition. */
const identifiedPartition = { topic: nameSchema, topic_id: topicIdSchema, partition: z.int().min(0) };
const identifiedPartitionSchema = z.object(identifiedPartition);
export type IdentifiedPartition = z.infer<typeof identifiedPartitionSchema>;

export const joinSchema = z
  .strictObject({
    topics: z
      .array(nameSchema)
      .min(1)
      .max(GROUP_TOPICS_MAX)
      .optional()
      .describe('Topics to read. They have to exist'),
    topic_pattern: topicPatternSchema
      .optional()
      .describe('A pattern of topics to read, also of later ones: `*` is any characters, `?` any one'),
    assignor: z
      .enum(ASSIGNORS)
      .default(ASSIGNOR_DEFAULT)
      .describe('How partitions are spread. The group uses the one that most of its members name'),
    instance_id: nameSchema
      .optional()
      .describe(
        'A member that joins with the same instance id takes over its partitions; the old member is fenced',
      ),
    session_timeout_ms: z
      .int()
      .min(SESSION_TIMEOUT_MS_MIN)
      .max(SESSION_TIMEOUT_MS_MAX)
      .default(SESSION_TIMEOUT_MS_DEFAULT)
      .describe('A member that is silent for this long is removed'),
    rack: nameSchema.optional().describe('Where the member runs; stored and shown'),
    auto_offset_reset: z
      .enum(['earliest', 'latest'])
      .default('earliest')
      .describe('Where reading begins in a partition without a committed offset'),
  })
  .refine(
    ({ topics, topic_pattern }) => topics !== undefined || topic_pattern !== undefined,
    'expected topics, topic_pattern or both',
  )
  .meta(someOf('topics', 'topic_pattern'));
export type JoinFields = z.output<typeof joinSchema>;

export const heartbeatSchema = z.strictObject({
  epoch: epoch(),
  partitions: z
    .array(namedPartitionSchema)
    .max(GROUP_OFFSETS_MAX)
    .optional()
    .describe('The partitions that the member still works on. Default: at most those of the last reply'),
});

export const memberReplySchema = z.object({
  member_id: z.string(),
  epoch: z.int(),
  assignment: z
    .array(identifiedPartitionSchema)
    .describe('The partitions that the member is to read now, and no others'),
  heartbeat_interval_ms: z.int().describe('Send the next heartbeat within this time'),
});
export type MemberReply = z.infer<typeof memberReplySchema>;

export const leftSchema = z.object({ member_id: z.string() });

const maxRecords = z.int().min(1).max(REQUEST_RECORDS_MAX).default(500);
const maxBytes = z
  .int()
  .min(1)
  .max(FETCH_BYTES_MAX)
  .default(FETCH_BYTES_DEFAULT)
  .describe(
    'The limit over all partitions. As JSON, the reply ends before the record that would exceed it, but has one at least. As bytes, each partition with records brings a batch at least',
  );
const waitMs = z
  .int()
  .min(0)
  .max(WAIT_MS_MAX)
  .default(0)
  .describe('How long to wait if no partition has records');

export const groupFetchQuerySchema = z
  .strictObject({
    epoch: epoch()
      .optional()
      .describe('Refused if it is out of date. Without it the call is a heartbeat itself'),
    max_records: maxRecords,
    max_bytes: maxBytes,
    wait_ms: waitMs,
    isolation: isolationSchema,
    on_corrupt: onCorruptSchema,
    auto_commit: z
      .enum(['true', 'false'])
      .optional()
      .describe(
        'Default false: commit the records when they are handled. true: the broker commits them before the reply leaves',
      ),
    delivery: consumeDelivery(
      'at-most-once is `auto_commit`, at-least-once (default) is without, exactly-once is without and with isolation `read_committed`: the offsets go into the transaction of the results',
    ),
  })
  .meta({ allOf: [EXACTLY_ONCE_ISOLATION, ...atMostOnceIs('auto_commit', 'true', 'false')] });

const positionSchema = z.strictObject({ ...topicPartition, ...namedTopicId, offset: z.int().min(0) });
export type NamedOffset = z.infer<typeof positionSchema>;

const identifiedOffsetSchema = z.object({ ...identifiedPartition, offset: z.int() });
export type IdentifiedOffset = z.infer<typeof identifiedOffsetSchema>;

export type PartitionOffset = TopicPartition & { offset: number };

export const groupFetchSchema = z
  .strictObject({
    epoch: epoch(),
    positions: z
      .array(positionSchema)
      .max(GROUP_OFFSETS_MAX)
      .default([])
      .describe('Start positions of partitions that are not read from the committed offset'),
    partitions: z
      .array(namedPartitionSchema)
      .max(GROUP_OFFSETS_MAX)
      .optional()
      .describe('Only these of the assigned ones: for pausing the others'),
    max_records: maxRecords,
    max_bytes: maxBytes,
    wait_ms: waitMs,
    isolation: isolationSchema,
    on_corrupt: onCorruptSchema,
    delivery: consumeDelivery(
      'at-least-once is the default, exactly-once is isolation `read_committed`. This call commits nothing, so it cannot be at-most-once',
      ['at-least-once', 'exactly-once'],
    ),
  })
  .meta(EXACTLY_ONCE_ISOLATION);

const groupRecordSchema = fetchedRecordSchema.extend(topicPartition);
export type GroupRecord<OneRecord = FetchedRecord> = OneRecord & TopicPartition;

export const groupRecordsSchema = z.object({
  ...memberReplySchema.shape,
  records: z.array(groupRecordSchema),
  offsets: z.array(identifiedOffsetSchema).describe('The offset to commit when these records are handled'),
  damaged: z
    .array(z.object({ ...topicPartition, offset: z.int(), next_offset: z.int() }))
    .optional()
    .describe('With on_corrupt=skip: ranges of records that were left out, because they are damaged on disk'),
});
export type GroupRecords<OneRecord = FetchedRecord> = Omit<z.infer<typeof groupRecordsSchema>, 'records'> & {
  records: GroupRecord<OneRecord>[];
};

const metadata = z
  .string()
  .refine(
    (text) => new TextEncoder().encode(text).length <= OFFSET_METADATA_BYTES_MAX,
    `expected at most ${OFFSET_METADATA_BYTES_MAX} bytes`,
  )
  .meta(utf8BytesMax(OFFSET_METADATA_BYTES_MAX));

export const commitFields = {
  member_id: memberId().optional().describe('Left out: by nobody, which a group without members takes'),
  epoch: epoch().optional().describe('The epoch of the last reply to this member'),
  generation: z.int().min(0).optional().describe('Instead of `epoch`: of a member of a classic group'),
  instance_id: wideNameSchema.optional().describe('With `generation`: of a static member'),
  offsets: z
    .array(
      positionSchema.extend({
        offset: z.int().min(OFFSET_EARLIEST),
        metadata: metadata.optional(),
        leader_epoch: z.int().min(0).optional(),
      }),
    )
    .min(1)
    .max(GROUP_OFFSETS_MAX)
    .describe('`offset` is the next to read: one after the last handled; -1: none; -2: the start of the log'),
  allow_past_end: z
    .boolean()
    .default(false)
    .describe('Take also offsets past the end of the log, as Kafka does; members read on at the end'),
  allow_pending: z
    .boolean()
    .default(false)
    .describe(
      'Commit also while other transactions have offsets pending, as Kafka does: the latest request that takes effect wins',
    ),
};

export const isOneClaim = ({
  member_id: member,
  epoch: ofMember,
  generation,
}: Record<string, unknown>): boolean =>
  (member === undefined) === (ofMember === undefined && generation === undefined) &&
  (ofMember === undefined || generation === undefined);
export const ONE_CLAIM = 'expected member_id with either epoch or generation, or none of them';
export const ONE_CLAIM_RULE = {
  oneOf: [
    { required: ['member_id', 'epoch'], not: { required: ['generation'] } },
    { required: ['member_id', 'generation'], not: { required: ['epoch'] } },
    { not: { anyOf: ['member_id', 'epoch', 'generation'].map((name) => ({ required: [name] })) } },
  ],
};

export const commitSchema = z.strictObject(commitFields).refine(isOneClaim, ONE_CLAIM).meta(ONE_CLAIM_RULE);
export type CommitFields = z.output<typeof commitSchema>;

export const committedSchema = z.object({ offsets: z.array(identifiedOffsetSchema) });
export type Committed = z.infer<typeof committedSchema>;

export const offsetsQuerySchema = z.strictObject({
  topic: nameSchema.optional().describe('Only this topic; otherwise all that the group has read'),
  partitions: partitionNumbers().optional().describe('Only partitions with these numbers'),
  ...pageFields(NAME_LENGTH_MAX + 10),
  after: z
    .string()
    .max(NAME_LENGTH_MAX + 10)
    .regex(/^[^/]*\/\d{1,9}$/)
    .optional()
    .describe('`next` of the page before: the topic and the number of a partition'),
});

export const groupOffsetSchema = z.object({
  ...identifiedPartition,
  offset: z.int().nullable().describe('The committed offset, or -2; null if nothing is committed'),
  metadata: z.string().optional(),
  leader_epoch: z.int().optional().describe('As the commit said'),
  pending: z
    .literal(true)
    .optional()
    .describe('An open transaction has committed an offset; members wait until it has ended'),
  lag: z.int().describe('Records from the committed offset (or the start of the log) to its end'),
  log_start_offset: z.int(),
  high_watermark: z.int(),
});
export type GroupOffsetReply = z.infer<typeof groupOffsetSchema>;
export const groupOffsetsSchema = z.object({ offsets: z.array(groupOffsetSchema), next: nextPage() });
export type GroupOffsets = z.infer<typeof groupOffsetsSchema>;

export const resetTo = () =>
  z.union([
    z.int().min(0),
    z.enum(['earliest', 'latest', 'none']),
    z
      .string()
      .regex(/^@\d{1,15}$/, 'expected an offset, "earliest", "latest", "none" or "@" and milliseconds'),
  ]);
export type ResetTo = z.output<ReturnType<typeof resetTo>>;

export const resetSchema = z
  .strictObject({
    topic: nameSchema,
    ...namedTopicId,
    partitions: z.array(z.int().min(0)).min(1).max(GROUP_OFFSETS_MAX).optional().describe('Left out: all'),
    to: resetTo()
      .optional()
      .describe(
        'An offset, `earliest`, `latest`, or `@<ms>` for the first record at or after that time. `none`: the group forgets what it has committed, and begins by its reset policy',
      ),
    shift_by: z.int().optional().describe('Instead of `to`: this many records forward, or back if negative'),
    dry_run: z.boolean().default(false).describe('Only report what the call would do'),
  })
  .refine(
    ({ to, shift_by }) => (to === undefined) !== (shift_by === undefined),
    'expected either to or shift_by',
  )
  .meta(oneOf('to', 'shift_by'));
export type ResetFields = z.output<typeof resetSchema>;

export const resetReplySchema = z.object({
  dry_run: z.boolean(),
  offsets: z.array(
    z.object({
      ...identifiedPartition,
      from: z.int().nullable().describe('Null: the group had not begun'),
      to: z
        .int()
        .nullable()
        .describe('Held to the log: not before its start, not past its end. Null: none is committed'),
    }),
  ),
});
export type ResetReply = z.infer<typeof resetReplySchema>;

export const groupListSchema = z.object({
  groups: z.array(
    z.object({
      group: wideNameSchema,
      lag: z
        .int()
        .min(0)
        .nullable()
        .optional()
        .describe('With `include=lag`: records that it has yet to handle; null: it has read nothing yet'),
    }),
  ),
  next: nextPage(),
});
export type GroupList = z.infer<typeof groupListSchema>;

export const groupMemberSchema = z.object({
  member_id: z.string(),
  instance_id: z.string().nullable(),
  topics: z.array(nameSchema),
  topic_pattern: z.string().nullable(),
  assignor: z.enum(ASSIGNORS),
  rack: z.string().nullable(),
  session_timeout_ms: z.int(),
  client_id: z.string().optional().describe('What it calls itself, if it has said so'),
  client_host: z.string().optional(),
  assignment: z.array(identifiedPartitionSchema),
  revoking: z.array(identifiedPartitionSchema).describe('Revoked partitions that it still holds'),
});
export type GroupMemberReply = z.infer<typeof groupMemberSchema>;

export const groupStateSchema = z.object({
  group: wideNameSchema,
  state: z.enum(['empty', 'stable', 'reconciling']).describe('reconciling: partitions are changing hands'),
  epoch: z.int(),
  assignor: z.enum(ASSIGNORS),
  members: z.array(groupMemberSchema),
  classic: classicStateSchema
    .optional()
    .describe("The members, if they assign partitions themselves (Kafka's classic protocol)"),
  offsets: z.array(groupOffsetSchema),
  offsets_next: z
    .string()
    .optional()
    .describe('There are more offsets than one page holds: ask for them with it as `after`'),
  meter: z
    .object({ rows_written: z.int(), calls: z.int(), since: z.int() })
    .describe("What the group's object has written since it woke, and the calls that it has served"),
});
export type GroupState = z.infer<typeof groupStateSchema>;

export const groupDeletedSchema = z.object({ group: wideNameSchema });
