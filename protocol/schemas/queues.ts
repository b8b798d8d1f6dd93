/** The contract of queues: definitions, what can be changed, and what is told about a queue. */

import * as z from '../zod.ts';
import {
  ANNOTATION_LENGTH_MAX,
  LEASE_MS_MAX,
  LEASE_MS_MIN,
  WIDE_NAME_BYTES_MAX,
  PRIORITY_MAX,
  QUEUE_LENGTH_LIMIT_MAX,
  RETRY_ATTEMPTS_MAX,
  TIME_SPAN_MS_MAX,
} from '../limits.ts';
import { queueAlertSchema } from './queue-alerts.ts';
import { wideNameSchema } from './names.ts';
import { queueOverviewSchema } from './overview.ts';
import { nextPage, pageFields } from './pages.ts';

const spanMs = () => z.int().min(0).max(TIME_SPAN_MS_MAX);

export const retryScheduleSchema = z.strictObject({
  schedule_ms: z
    .array(spanMs())
    .max(RETRY_ATTEMPTS_MAX)
    .describe('The delay before each retry; after the last one the message is dead-lettered'),
});

export const exponentialRetrySchema = z.strictObject({
  base_ms: spanMs().describe('The delay before the first retry'),
  factor: z.number().min(1).max(100).describe('Each delay is the one before times this'),
  max_ms: spanMs().describe('No delay is longer'),
  jitter: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('The share of a delay that is left to chance: 0 none, 1 all of it'),
  attempts: z.int().min(0).max(RETRY_ATTEMPTS_MAX).describe('How many retries before it is dead-lettered'),
});

export const retrySchema = z.union([retryScheduleSchema, exponentialRetrySchema]);
export type RetryConfig = z.infer<typeof retrySchema>;

export const deadLetterSchema = z.union([
  z.literal('none'),
  z.strictObject({ queue: wideNameSchema }),
  z.strictObject({ exchange: wideNameSchema, routing_key: z.string().max(255).optional() }),
]);
export type DeadLetterConfig = z.infer<typeof deadLetterSchema>;

export const OVERFLOW_BEHAVIOURS = ['drop-head', 'reject-publish', 'reject-publish-dlx'] as const;

/** Everything but `max_priority` can change while the queue holds messages. */
/** Settings that a queue has before a policy, and can leave to it. */
export const YIELDING_SETTINGS = ['overflow', 'lease_ms', 'dedup_window_ms', 'retry', 'dead_letter'] as const;

const changeable = {
  message_ttl_ms: spanMs()
    .nullable()
    .describe('Messages that are older expire, unless their own `expiration_ms` is shorter; null: never'),
  expires_ms: z
    .int()
    .min(1)
    .max(TIME_SPAN_MS_MAX)
    .nullable()
    .describe('The queue is deleted when nobody has used it for this long; null: never'),
  max_length: z
    .int()
    .min(0)
    .max(QUEUE_LENGTH_LIMIT_MAX)
    .nullable()
    .describe(
      'The limit of messages ready for delivery; in a queue that refuses publishes, parked ones count too. null sets no limit',
    ),
  max_bytes: z
    .int()
    .min(0)
    .max(QUEUE_LENGTH_LIMIT_MAX)
    .nullable()
    .describe('Bytes of those messages, as stored; null sets no limit'),
  overflow: z
    .enum(OVERFLOW_BEHAVIOURS)
    .describe(
      'Above a limit: drop-head drops (or dead-letters) the oldest, reject-publish refuses the newest, reject-publish-dlx refuses and dead-letters it',
    ),
  single_active_consumer: z
    .boolean()
    .describe(
      'One consumer at a time gets messages; the next takes over when it is gone. Polling consumers must send a `consumer_id`',
    ),
  lease_ms: z
    .int()
    .min(LEASE_MS_MIN)
    .max(LEASE_MS_MAX)
    .describe(
      'How long a consumer has a message before it is delivered again, unless it asks for another time',
    ),
  dedup_window_ms: spanMs().describe(
    'A message with a `message_id` that was seen within this time is a duplicate and not stored; 0: off',
  ),
  retry: retrySchema.describe('What happens to a message that was nacked'),
  dead_letter: deadLetterSchema
    .nullable()
    .describe(
      'The target of rejected, expired, dropped and exhausted messages; null: the queue `<queue>.dlq`',
    ),
  auto_delete: z.boolean().describe('The queue is deleted when its last consumer has left'),
  unless_policy: z
    .array(z.enum(YIELDING_SETTINGS))
    .max(YIELDING_SETTINGS.length)
    .optional()
    .describe(
      'Settings of the queue that hold unless a policy sets them. Of others the queue goes before a policy, and of limits the lower one counts. Default: none',
    ),
  annotation: z
    .string()
    .max(ANNOTATION_LENGTH_MAX)
    .optional()
    .describe(
      'What a client keeps with the queue. The broker only compares it when the queue is declared again. A gateway keeps the arguments of another protocol in it',
    ),
};

const fixed = {
  max_priority: z
    .int()
    .min(0)
    .max(PRIORITY_MAX)
    .describe('Messages have priorities from 0 to this, the highest first; higher ones count as this'),
};

export const queueConfigSchema = z.strictObject({ ...fixed, ...changeable });
export type QueueConfig = z.infer<typeof queueConfigSchema>;

export const QUEUE_DEFAULTS: QueueConfig = {
  max_priority: 0,
  message_ttl_ms: null,
  expires_ms: null,
  max_length: null,
  max_bytes: null,
  overflow: 'drop-head',
  single_active_consumer: false,
  lease_ms: 30_000,
  dedup_window_ms: 0,
  retry: { schedule_ms: [1_000, 5_000, 30_000] },
  dead_letter: null,
  auto_delete: false,
};

export const queueDeclarationSchema = queueConfigSchema.partial();
export type QueueDeclaration = z.infer<typeof queueDeclarationSchema>;

export const queueChangeSchema = z.strictObject(changeable).partial();
export type QueueChange = z.infer<typeof queueChangeSchema>;

const count = () => z.int().min(0);

export const queueStatusSchema = z.object({
  ready: count().describe('Messages that can be delivered'),
  leased: count().describe('Messages that consumers have'),
  parked: count().describe('Messages that wait for their time: delayed, scheduled, or to be retried'),
  outgoing: count().describe('Dead letters on their way to another queue or an exchange'),
  outgoing_problem: z
    .string()
    .nullable()
    .describe('Why they are still here, in words; null: nothing is wrong'),
  lost: z
    .object({
      cycle: count().describe('They would have circulated'),
      hop_limit: count().describe('The broker had published them on too often'),
      unroutable: count().describe('Their exchange had no binding for them'),
      dropped: count().describe('`dead_letter` became `none` while they were on their way'),
    })
    .describe('Dead letters that no target took, since the queue was created'),
  bytes: count().describe('Bytes stored for messages that are ready or leased'),
  oldest_ms: z.int().nullable().describe('When the oldest ready message was published, in ms since 1970'),
  consumers: count().describe('Consumers that wait or hold messages'),
  is_paused: z.boolean().describe('Nothing is delivered'),
  alerts: z.array(queueAlertSchema).describe('The alert rules that match the queue'),
  storage_bytes: count().describe('The bytes that the object occupies on disk'),
  meter: z
    .object({
      rows_written: count(),
      rows_read: count(),
      published: count(),
      delivered: count(),
      settled: count().describe('Acknowledged'),
      dead_lettered: count(),
      expired: count().describe('Expired and not dead-lettered'),
      dropped: count().describe('Dropped for want of space, purged, or rejected, and not dead-lettered'),
      replayed: count().describe('Sent back to where they came from, or moved to another queue'),
      commits: count(),
      since: z.int().describe('When this count began, in ms: the object starts anew after it was idle'),
    })
    .describe('What happened since the object woke, and the rows that the platform bills for it'),
});
export type QueueStatus = z.infer<typeof queueStatusSchema>;

export const queueSchema = z.object({
  queue: wideNameSchema,
  ...queueConfigSchema.shape,
  warnings: z
    .array(z.string())
    .optional()
    .describe('Likely mistakes, such as a dead-letter target that does not exist. Absent if there are none'),
  topology_version: z.int().min(1).describe('The version of the topology that this answer was read from'),
});
export type QueueReply = z.infer<typeof queueSchema>;

export const queueWithStateSchema = queueSchema.extend({ state: queueStatusSchema });
export type QueueWithStateReply = z.infer<typeof queueWithStateSchema>;

export const queueListQuerySchema = z.strictObject({
  ...pageFields(WIDE_NAME_BYTES_MAX),
  sort: z
    .enum(['name', 'ready'])
    .default('name')
    .describe('`ready`: those with the most ready messages first, as far as they have reported'),
  include: z
    .enum(['state'])
    .optional()
    .describe('What each queue says beside its definition, from the overview'),
});

export const queueListSchema = z.object({
  queues: z.array(
    queueSchema.omit({ topology_version: true, warnings: true }).extend({
      state: queueOverviewSchema
        .nullable()
        .optional()
        .describe('With `include=state`: what it last reported; null: nothing yet'),
    }),
  ),
  next: nextPage(),
});
export type QueueList = z.infer<typeof queueListSchema>;

export const queueDeleteQuerySchema = z.strictObject({
  if_unused: z
    .enum(['true', 'false', 'consumers'])
    .optional()
    .describe('Only if no consumer waits or holds messages; `consumers`: if none waits'),
  if_empty: z
    .enum(['true', 'false', 'unleased'])
    .optional()
    .describe('Only if it holds no message; `unleased`: but for those that consumers hold'),
});

export const queueDeletedSchema = z.object({ queue: wideNameSchema, topology_version: z.int().min(1) });
export type QueueDeleted = z.infer<typeof queueDeletedSchema>;

export const queuePurgedSchema = z.object({ queue: wideNameSchema, purged: count() });
export const queuePausedSchema = z.object({ queue: wideNameSchema, is_paused: z.boolean() });
