/** The contract of publishing to a queue, taking from it, and settling. */

import * as z from '../zod.ts';
import {
  DELIVER_MESSAGES_MAX,
  ERROR_MESSAGE_LENGTH_MAX,
  ERROR_STACK_LENGTH_MAX,
  ERROR_TYPE_LENGTH_MAX,
  HEARTBEAT_MS_MAX,
  HEARTBEAT_MS_MIN,
  LEASE_MS_MAX,
  LEASE_MS_MIN,
  PROPERTY_LENGTH_MAX,
  REQUEST_RECORDS_MAX,
  SETTLE_TAGS_MAX,
  TIME_SPAN_MS_MAX,
  WAIT_MS_MAX,
} from '../limits.ts';
import { deadLetterDetailsShape, type DeadLetterDetails } from './dead-letters.ts';
import { atMostOnceIs, consumeDelivery, publishDelivery } from './records.ts';
import { messageOutShape, messageSchema, type MessageOut } from './messages.ts';
import { publishProducerSchema } from './producers.ts';
import { needs } from './schema-rules.ts';
import { SETTLE_OUTCOMES, SETTLEMENT_KINDS } from '../settlements.ts';

export const queuePublishQuerySchema = z.strictObject({ delivery: publishDelivery() });

export const queuePublishSchema = z
  .strictObject({
    messages: z
      .array(messageSchema)
      .min(1)
      .meta({ maxItems: REQUEST_RECORDS_MAX })
      .describe(`1 to ${REQUEST_RECORDS_MAX} messages, each stored or refused by itself`),
    producer: publishProducerSchema.optional(),
    delivery: publishDelivery(),
  })
  .meta(needs('delivery', 'exactly-once', 'producer'));

export const PUBLISH_OUTCOMES = ['stored', 'duplicate', 'rejected'] as const;

export const queuePublishedSchema = z.object({
  stored: z.int().describe('Messages stored durably'),
  results: z
    .array(z.object({ outcome: z.enum(PUBLISH_OUTCOMES) }))
    .describe(
      'One for each message, in order. duplicate: its message_id was seen within the window. rejected: the queue is full',
    ),
});
export type QueuePublished = z.infer<typeof queuePublishedSchema>;

export const queueBatchesPublishedSchema = z.object({
  count: z.int().describe('Messages in all batches'),
  exceptions: z
    .array(z.object({ index: z.int(), outcome: z.enum(['duplicate', 'rejected']) }))
    .describe('The messages that were not stored: their indexes from 0, in order. All others are durable'),
});
export type QueueBatchesPublished = z.infer<typeof queueBatchesPublishedSchema>;

const consumerId = () =>
  z
    .string()
    .max(PROPERTY_LENGTH_MAX)
    .describe('The consumer that takes or settles. A settlement with it affects only its own deliveries');

/** How the broker's ids of streams end, so that what one holds is known after a crash to belong to nobody: `~` and a UUID. */
export const STREAM_ID_END = /~[0-9a-f-]{36}$/;

/**
 * How the id of a consumer ends that polls beside a keeper of its own. What it has taken goes back when its queue wakes after a crash and
 * no such keeper is open, as what a stream held does.
 */
export const KEPT_ID_END = '~kept';

const leaseMs = () => z.int().min(LEASE_MS_MIN).max(LEASE_MS_MAX);

export const deliverSchema = z
  .strictObject({
    max: z.int().min(1).max(DELIVER_MESSAGES_MAX).default(1).describe('Messages at most'),
    wait_ms: z
      .int()
      .min(0)
      .max(WAIT_MS_MAX)
      .default(0)
      .describe('How long to wait for the first message if there is none'),
    lease_ms: leaseMs().optional().describe("How long they are the consumer's; default: as the queue says"),
    consumer_id: consumerId()
      .refine((id) => !STREAM_ID_END.test(id), 'ends with `~` and a UUID, as only ids of streams do')
      .meta({ not: { pattern: STREAM_ID_END.source } })
      .optional(),
    auto_ack: z
      .boolean()
      .optional()
      .describe('Default false. true: settles them at once, so that each is delivered at most once'),
    delivery: consumeDelivery(
      'at-most-once is `auto_ack`, at-least-once (default) is a lease. Exactly once is for the consumer to do, by message id: it is refused here',
      ['at-most-once', 'at-least-once'],
    ),
  })
  .meta({ allOf: atMostOnceIs('auto_ack', true, false) });
export type DeliverFields = z.infer<typeof deliverSchema>;

export const deliverySchema = z.object({
  delivery_tag: z.string().describe('The tag that settles this delivery'),
  ...messageOutShape,
  delivery_count: z.int().min(1).describe('How often it was delivered, this time included'),
  redelivered: z.boolean().describe('It was delivered before'),
  lease_expires_at: z.int().nullable().describe('In ms since 1970; null if it is settled already'),
  dead_letter: z.object(deadLetterDetailsShape).optional().describe('Why it died, for a dead letter'),
});
export type Delivery<Message = MessageOut> = Message & {
  delivery_tag: string;
  delivery_count: number;
  redelivered: boolean;
  lease_expires_at: number | null;
  dead_letter?: DeadLetterDetails;
};

export const deliveriesSchema = z.object({ deliveries: z.array(deliverySchema) });
export type Deliveries<Message = MessageOut> = { deliveries: Delivery<Message>[] };

const tag = () => z.string().max(64);
const error = z
  .strictObject({
    type: z.string().describe(`Kept: ${ERROR_TYPE_LENGTH_MAX} characters`),
    message: z.string().describe(`Kept: ${ERROR_MESSAGE_LENGTH_MAX} characters, with a note if it was cut`),
    stack_trace: z.string().describe(`Kept: ${ERROR_STACK_LENGTH_MAX} characters, with a note if it was cut`),
  })
  .partial();

/** What a settlement says beside its kind and its messages. In a frame it is JSON: settlement-frame.ts. */
export const settlementDetails = {
  ack: z.strictObject({}),
  nack: z.strictObject({
    error: error.optional(),
    delay_ms: z
      .int()
      .min(0)
      .max(TIME_SPAN_MS_MAX)
      .optional()
      .describe(
        'The delay before the next attempt; default: as the retry schedule says; 0: at once, at its old position',
      ),
  }),
  reject: z.strictObject({ error: error.optional() }),
  release: z.strictObject({}),
  extend: z.strictObject({ lease_ms: leaseMs() }),
};

export const settleSchema = z.strictObject({
  ack: z.array(tag()).optional().describe('Done'),
  nack: z
    .array(settlementDetails.nack.extend({ tag: tag() }))
    .optional()
    .describe('Failed: tried again, or dead-lettered after the last retry'),
  reject: z
    .array(settlementDetails.reject.extend({ tag: tag() }))
    .optional()
    .describe('Dead-lettered now'),
  release: z.array(tag()).optional().describe('Given back unprocessed, to its old position; not a failure'),
  extend: z
    .array(settlementDetails.extend.extend({ tag: tag() }))
    .optional()
    .describe('Leased for that long from now'),
  consumer_id: consumerId().optional(),
});
export type SettleFields = z.infer<typeof settleSchema>;
export { SETTLE_OUTCOMES, SETTLEMENT_KINDS } from '../settlements.ts';
export const settleTagsMax = SETTLE_TAGS_MAX;

/** How many tags a settlement has, before it is checked, which takes time for each. */
export function countTags(settlement: Record<string, unknown>): number {
  return SETTLEMENT_KINDS.reduce((sum, kind) => {
    const tags = settlement[kind];
    return sum + (Array.isArray(tags) ? tags.length : 0);
  }, 0);
}

export const settledSchema = z.object({
  results: z
    .array(z.object({ tag: z.string(), outcome: z.enum(SETTLE_OUTCOMES) }))
    .describe(
      'One for each tag, in the order ack, nack, reject, release, extend. The last five outcomes have changed nothing; `invalid` is answered to entries of a settlement frame only',
    ),
});
export type SettledReply = z.infer<typeof settledSchema>;

const CONSUMER_PRIORITY_MAX = 2_147_483_647;

export const STREAM_KEEPS = ['messages', 'queue'] as const;
export type StreamKeeps = (typeof STREAM_KEEPS)[number];

export const streamQuerySchema = z.strictObject({
  prefetch: z
    .int()
    .min(1)
    .max(DELIVER_MESSAGES_MAX)
    .default(100)
    .describe('Messages that are delivered before the first of them is settled'),
  keeps: z
    .enum(STREAM_KEEPS)
    .optional()
    .describe(
      'The stream is no consumer and takes nothing, whatever `prefetch` says. `messages`: when it ends, what its `consumer_id` has taken by requests goes back at once. `queue`: and while it is open the queue is in use, which postpones `expires_ms`',
    ),
  priority: z
    .int()
    .min(-CONSUMER_PRIORITY_MAX)
    .max(CONSUMER_PRIORITY_MAX)
    .optional()
    .describe('Of the consumers that have room, those of the highest priority get messages first. Default 0'),
  lease_ms: leaseMs().optional().describe("How long they are the consumer's; default: as the queue says"),
  consumer_id: consumerId().optional(),
  frames: z
    .enum(['json', 'binary'])
    .default('json')
    .describe('How deliveries come. Settlements may be either, and are answered in the form that they have'),
  heartbeat_ms: z
    .int()
    .min(HEARTBEAT_MS_MIN)
    .max(HEARTBEAT_MS_MAX)
    .optional()
    .describe(
      'The client sends something at least so often: `ping`, answered with `pong`, if it has nothing else to say. After three times as long its stream is closed and what it holds is given back. Default: if a lease has ended and nothing was heard for 25 s',
    ),
  delivery: consumeDelivery(
    'at-least-once is the only one: a stream delivers within a prefetch of unsettled messages',
    ['at-least-once'],
  ),
});

export const settleQuerySchema = z.strictObject({
  consumer_id: consumerId().optional().describe('For a body of bytes, as `consumer_id` of a JSON body'),
});

export const endWaitsQuerySchema = z.strictObject({
  consumer_id: consumerId().describe(
    'The consumer whose waits end. Each ends at once, with messages that are still available',
  ),
});
export const waitsEndedSchema = z.object({ ended: z.int().min(0).describe('Requests that were waiting') });
export type WaitsEnded = z.infer<typeof waitsEndedSchema>;

/** What a stream takes beside settlements: how many messages its consumer may hold from now on. */
export const flowSchema = z.strictObject({ prefetch: z.int().min(0).max(DELIVER_MESSAGES_MAX) });

export const peekQuerySchema = z.strictObject({
  max: z.int().min(1).max(1_000).default(10).describe('Messages at most; fewer if they reach 8 MiB'),
});
export const peekedSchema = z.object({ messages: z.array(z.object(messageOutShape)) });
export type Peeked = { messages: MessageOut[] };
