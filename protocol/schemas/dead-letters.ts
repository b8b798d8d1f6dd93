/** The contract of dead letters: what is kept of a message that died, and the calls that list, replay and purge them. */

import * as z from '../zod.ts';
import {
  DEAD_LETTER_PAGE_MAX,
  ERROR_TYPE_LENGTH_MAX,
  ORDERING_KEY_BYTES_MAX,
  REPLAY_RATE_MAX,
  ROUTING_KEY_BYTES_MAX,
} from '../limits.ts';
import { DEATH_REASONS, type DeathReason } from './death-reasons.ts';
import { messageOutShape, messageSchema, type MessageOut } from './messages.ts';
import { wideNameSchema } from './names.ts';
import { deadLetterSchema as deadLetterPlaceSchema, type DeadLetterConfig } from './queues.ts';

/** Of a history: a death, or that somebody sent the message back. */
export type HistoryReason = DeathReason | 'replayed';

export interface ErrorFields {
  type?: string | undefined;
  message?: string | undefined;
  stack_trace?: string | undefined;
}

/** What the header `:attempts` holds. Times in ms; 0: no attempt has failed. */
export interface StoredAttempts {
  first: number;
  last: number;
  error?: ErrorFields;
  consumer?: string;
  /** The lane and the offset that the message had at its first attempt, in base 36: the same for all attempts. */
  origin?: string;
}

/** What the header `:death` holds. Times in ms. */
export interface StoredDeath {
  /** Where it died first since it was published or replayed. */
  original_queue: string;
  /** When it died. */
  at: number;
  /** When it was published. */
  published: number;
  retries: number;
  first: number;
  last: number;
  error?: ErrorFields;
  consumer?: string;
  /** Headers that it had and would have an effect here again: its time to live, its delay. */
  left?: [name: string, text: string][];
}

/** An element of the header `:deaths`: all deaths in one queue for one reason. Times in ms. */
export interface DeathEntry {
  queue: string;
  reason: HistoryReason;
  count: number;
  first: number;
  last: number;
  /** The exchange and the routing key by which the letter left. Absent: it went straight to a queue. */
  to?: [exchange: string, routingKey: string];
}

const time = () => z.string().describe('RFC 3339');
const count = () => z.int().min(0);

export const deadLetterDetailsShape = {
  error: z
    .object({
      type: z.string().nullable(),
      message: z.string().nullable(),
      stack_trace: z.string().nullable(),
    })
    .describe('The error that the consumer reported for the last failed attempt; null if it reported none'),
  metadata: z.object({
    retry_count: count().describe('Attempts after the first'),
    first_attempt: time().nullable().describe('When the first attempt that failed began; RFC 3339'),
    last_attempt: time().nullable().describe('When the last attempt that failed began; RFC 3339'),
    original_queue: wideNameSchema
      .nullable()
      .describe('The queue where it died first; a replay sends it there'),
    consumer_id: z.string().nullable().describe('The consumer that had it last'),
    reason: z.enum(DEATH_REASONS).nullable().describe('null: it is no dead letter, it was published here'),
    exchange: z.string().nullable().describe('The exchange that it was published to'),
    routing_key: z.string().nullable().describe('The routing key that it was published with'),
    died_at: time().nullable(),
    died_in: wideNameSchema.nullable().describe('The queue where it died last'),
    hops: count().describe('How often the broker itself has published it on'),
    history: z
      .array(
        z.object({
          queue: wideNameSchema,
          reason: z.enum([...DEATH_REASONS, 'replayed']),
          count: z.int().min(1),
          first_at: time(),
          last_at: time(),
        }),
      )
      .describe('Its deaths and replays, one entry for each queue and reason, the last first'),
  }),
};

export interface DeadLetterDetails {
  error: { type: string | null; message: string | null; stack_trace: string | null };
  metadata: {
    retry_count: number;
    first_attempt: string | null;
    last_attempt: string | null;
    original_queue: string | null;
    consumer_id: string | null;
    reason: DeathReason | null;
    exchange: string | null;
    routing_key: string | null;
    died_at: string | null;
    died_in: string | null;
    hops: number;
    history: { queue: string; reason: HistoryReason; count: number; first_at: string; last_at: string }[];
  };
}

export const deadLetterSchema = z.object({
  id: z.string().describe('Its position in the queue that holds it'),
  original_message: z.object(messageOutShape),
  ...deadLetterDetailsShape,
});
export type DeadLetter<Message = MessageOut> = {
  id: string;
  original_message: Message;
} & DeadLetterDetails;

export const exportLineSchema = z.union([
  deadLetterSchema,
  z.object({ count: count() }).describe('The last line: how many dead letters came before it'),
]);

const timeFilter = () => z.iso.datetime({ offset: true });

const filterShape = {
  reason: z.enum(DEATH_REASONS).optional(),
  error_type: z
    .string()
    .max(ERROR_TYPE_LENGTH_MAX + 64)
    .optional()
    .describe('Exactly this type of error'),
  from: timeFilter().optional().describe('Died at this time or later; RFC 3339'),
  to: timeFilter().optional().describe('Died before this time; RFC 3339'),
  key: z.string().max(ORDERING_KEY_BYTES_MAX).optional().describe('The ordering key'),
  routing_key: z.string().max(ROUTING_KEY_BYTES_MAX).optional(),
  original_queue: wideNameSchema.optional(),
};
export const deadLetterFilterSchema = z.strictObject(filterShape);
export type DeadLetterFilter = z.infer<typeof deadLetterFilterSchema>;

const where = {
  self: z
    .enum(['true', 'false'])
    .optional()
    .describe('The queue itself, instead of the queue that its dead letters go to'),
};
export const deadLetterWhereSchema = z.strictObject(where);
export const deadLetterFilterQuerySchema = z.strictObject({ ...filterShape, ...where });
export const deadLetterListQuerySchema = z.strictObject({
  ...filterShape,
  ...where,
  limit: z.int().min(1).max(DEAD_LETTER_PAGE_MAX).default(100).describe('Dead letters at most'),
  after: z.string().max(64).optional().describe('The `next` of the previous page'),
  next: z.string().max(64).optional().describe('Another name of `after`, for older clients'),
});

export const deadLetterListSchema = z.object({
  queue: wideNameSchema.describe('The queue that holds them'),
  dead_letters: z.array(deadLetterSchema),
  goes_to: deadLetterPlaceSchema
    .optional()
    .describe(
      'The target of the dead letters of the queue in the path, if it is not a queue that can be shown here',
    ),
  warnings: z.array(z.string()).optional().describe('That, in words'),
  next: z
    .string()
    .optional()
    .describe('There may be more. A page can be empty and have it: it has looked at as many as one call may'),
});
export type DeadLetterList<Message = MessageOut> = {
  queue: string;
  dead_letters: DeadLetter<Message>[];
  goes_to?: DeadLetterConfig;
  warnings?: string[];
  next?: string;
};

export const replayTargetSchema = z.union([
  z.strictObject({ queue: wideNameSchema }),
  z.strictObject({ exchange: wideNameSchema, routing_key: z.string().max(255).optional() }),
]);
export type ReplayTarget = z.infer<typeof replayTargetSchema>;

export const replayRequestSchema = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ -')
    .optional()
    .describe('An id that the client chooses: repeating the request begins no second replay'),
  ids: z.array(z.string().max(64)).min(1).max(DEAD_LETTER_PAGE_MAX).optional(),
  filter: deadLetterFilterSchema
    .optional()
    .describe('Replays dead letters that match; without ids and filter: all'),
  to: replayTargetSchema.optional().describe('Default: the queue where each died first'),
  limit: z.int().min(1).max(1_000_000_000).optional().describe('Messages at most'),
  rate_per_s: z
    .int()
    .min(1)
    .max(REPLAY_RATE_MAX)
    .optional()
    .describe('Messages per second at most; default: no limit'),
  dry_run: z.boolean().default(false).describe('Only counts the messages that would be replayed'),
});

export const REPLAY_STATES = ['running', 'done', 'cancelled'] as const;

export const replaySchema = z.object({
  id: z.string(),
  queue: wideNameSchema.describe('The queue that holds the dead letters'),
  state: z.enum(REPLAY_STATES),
  total: count().describe(
    'Messages in the queue when it began, with those that consumers held. It looks at no others',
  ),
  looked_at: count(),
  moved: count().describe('Messages that have left: each is stored at its target, or on its way'),
  skipped: count().describe(
    'Matching messages that stay: their origin is unknown, or they have too many hops',
  ),
  to: replayTargetSchema.nullable(),
  rate_per_s: z.int().nullable(),
  started_at: time(),
  ended_at: time().nullable(),
});
export type Replay = z.infer<typeof replaySchema>;

export const replayListSchema = z.object({ replays: z.array(replaySchema) });
export const dryRunSchema = z.object({
  queue: wideNameSchema,
  would_replay: count(),
  would_skip: count(),
});
export type DryRun = z.infer<typeof dryRunSchema>;

export const resendSchema = z.strictObject({
  message: messageSchema
    .partial()
    .optional()
    .describe('The changes: body, headers, properties. Other parts stay'),
  to: replayTargetSchema.optional().describe('Default: the queue where it died first'),
});
export type ResendRequest = z.infer<typeof resendSchema>;

export const deadLettersPurgedSchema = z.object({ queue: wideNameSchema, purged: count() });
