/** The contract of steering single messages of a queue: list, read, cancel, run now. */

import * as z from '../zod.ts';
import {
  ERROR_MESSAGE_LENGTH_MAX,
  MESSAGE_PAGE_MAX,
  ORDERING_KEY_BYTES_MAX,
  PROPERTY_LENGTH_MAX,
} from '../limits.ts';
import type { ErrorFields } from './dead-letters.ts';
import { messageOutShape, type MessageOut } from './messages.ts';
import { wideNameSchema } from './names.ts';
import { nextPage } from './pages.ts';

/**
 *   ready     its turn comes next             leased    a consumer has it
 *   waiting   failed, for its next attempt    delayed   for its first delivery
 */
export const MESSAGE_STATES = ['ready', 'leased', 'waiting', 'delayed'] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/** Longest: five numbers of eleven digits. */
const ID_LENGTH_MAX = 64;

export const heldMessageSchema = z.object({
  id: z.string().describe('Its position. A message that moves on has a new one'),
  state: z
    .enum(MESSAGE_STATES)
    .describe('waiting: it failed and waits for its next attempt; delayed: it waits for its first delivery'),
  ...messageOutShape,
  delivery_count: z.int().min(0).describe('How often it was delivered'),
  failed_attempts: z.int().min(0).describe('How many of those failed'),
  due_at: z.int().optional().describe('When it becomes ready, in ms since 1970: of waiting and delayed ones'),
  lease_expires_at: z.int().optional().describe('Of a leased one, in ms since 1970'),
  consumer_id: z.string().optional().describe('The consumer that has it, if it has said who it is'),
  last_error: z
    .object({ type: z.string(), message: z.string(), stack_trace: z.string() })
    .partial()
    .optional()
    .describe('What the consumer reported when it failed last'),
});
export type HeldMessage<Message = MessageOut> = Message & HeldDetails;

/** What a queue knows of a message that it holds, beside the message. */
export interface HeldDetails {
  id: string;
  state: MessageState;
  delivery_count: number;
  failed_attempts: number;
  due_at?: number;
  lease_expires_at?: number;
  consumer_id?: string;
  last_error?: ErrorFields;
}

export const messageListQuerySchema = z.strictObject({
  state: z.enum(MESSAGE_STATES).optional().describe('Only messages in this state; default: all'),
  message_id: z
    .string()
    .min(1)
    .max(PROPERTY_LENGTH_MAX)
    .optional()
    .describe('Only messages with this message_id'),
  ordering_key: z
    .string()
    .max(ORDERING_KEY_BYTES_MAX)
    .optional()
    .describe('Only messages with this ordering key'),
  limit: z.int().min(1).max(MESSAGE_PAGE_MAX).default(100).describe('Messages at most'),
  after: z.string().max(ID_LENGTH_MAX).optional().describe('`next` of the page before'),
});

export const messageListSchema = z.object({
  queue: wideNameSchema,
  messages: z.array(heldMessageSchema),
  next: nextPage(),
});
export type MessageList<Message = MessageOut> = {
  queue: string;
  messages: HeldMessage<Message>[];
  next?: string;
};

export const messageCancelQuerySchema = z
  .strictObject({
    dead_letter: z
      .enum(['true', 'false'])
      .optional()
      .describe(
        'true: it becomes a dead letter (`rejected`) where the queue has a target for those; default: it is gone',
      ),
    reason: z
      .string()
      .max(ERROR_MESSAGE_LENGTH_MAX)
      .optional()
      .describe('For people: the message of the error that the dead letter has; only with `dead_letter`'),
  })
  .meta({
    allOf: [
      {
        if: { required: ['reason'] },
        then: { required: ['dead_letter'], properties: { dead_letter: { const: 'true' } } },
      },
    ],
  });

export const messageCancelledSchema = z.object({
  id: z.string(),
  outcome: z.enum(['cancelled', 'dead_lettered']).describe('It is never delivered from this queue again'),
});
export type MessageCancelled = z.infer<typeof messageCancelledSchema>;

export const messageRunSchema = z.object({
  id: z.string().describe('Its id from now on'),
  outcome: z
    .enum(['ready', 'unchanged', 'expired'])
    .describe(
      'ready: it goes before the others of its priority. unchanged: it did already. expired: its time to live was over',
    ),
});
export type MessageRun = z.infer<typeof messageRunSchema>;
