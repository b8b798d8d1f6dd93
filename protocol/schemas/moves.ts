/** The contract of moving messages from one queue to another. */

import * as z from '../zod.ts';
import {
  MESSAGE_PAGE_MAX,
  ORDERING_KEY_BYTES_MAX,
  PROPERTY_LENGTH_MAX,
  REPLAY_RATE_MAX,
  ROUTING_KEY_BYTES_MAX,
} from '../limits.ts';
import { wideNameSchema } from './names.ts';
import { REPLAY_STATES } from './dead-letters.ts';

const count = () => z.int().min(0);
const time = () => z.string().describe('RFC 3339');

/** States of messages that can be moved. */
export const MOVED_STATES = ['ready', 'waiting', 'delayed'] as const;

export const moveRequestSchema = z.strictObject({
  to: z.strictObject({ queue: wideNameSchema }).describe('Where they go: another queue of the namespace'),
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ -')
    .optional()
    .describe('An id that the client chooses: repeating the request begins no second move'),
  ids: z
    .array(z.string().max(64))
    .min(1)
    .max(MESSAGE_PAGE_MAX)
    .optional()
    .describe('Only these messages; default: all that match'),
  states: z
    .array(z.enum(MOVED_STATES))
    .min(1)
    .max(MOVED_STATES.length)
    .optional()
    .describe('Only messages in these states; default: all but leased ones'),
  filter: z
    .strictObject({
      message_id: z.string().min(1).max(PROPERTY_LENGTH_MAX),
      ordering_key: z.string().max(ORDERING_KEY_BYTES_MAX),
      routing_key: z.string().max(ROUTING_KEY_BYTES_MAX),
    })
    .partial()
    .optional()
    .describe('Only messages that match all given fields'),
  limit: z.int().min(1).max(1_000_000_000).optional().describe('Messages at most'),
  rate_per_s: z
    .int()
    .min(1)
    .max(REPLAY_RATE_MAX)
    .optional()
    .describe('Messages per second at most; default: no limit'),
  dry_run: z.boolean().default(false).describe('Only counts the messages that would be moved'),
});

export const moveSchema = z.object({
  id: z.string(),
  queue: wideNameSchema.describe('The queue that the messages leave'),
  to: z.object({ queue: wideNameSchema }),
  state: z.enum(REPLAY_STATES),
  total: count().describe(
    'Messages in the queue when it began, with those that consumers held; or the length of `ids`',
  ),
  looked_at: count(),
  moved: count().describe('Messages that have left: each is stored at its target, or on its way'),
  skipped: count().describe('Messages of `ids` that are not there any more, or that a consumer has'),
  rate_per_s: z.int().nullable(),
  started_at: time(),
  ended_at: time().nullable(),
});
export type Move = z.infer<typeof moveSchema>;

export const moveListSchema = z.object({ moves: z.array(moveSchema) });
export const moveDryRunSchema = z.object({ queue: wideNameSchema, would_move: count() });
export type MoveDryRun = z.infer<typeof moveDryRunSchema>;
