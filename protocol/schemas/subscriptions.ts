/** The contract of subscriptions: messages of a queue, or records of a topic, that the broker pushes to an HTTP endpoint. */

import * as z from '../zod.ts';
import { PARTITIONS_MAX, TIME_SPAN_MS_MAX } from '../limits.ts';
import { nameSchema, wideNameSchema } from './names.ts';
import { argumentsSchema, routingKey } from './exchanges.ts';
import { nextPage } from './pages.ts';
import { retrySchema } from './queues.ts';
import { notBoth } from './schema-rules.ts';
import { webhookSchema } from './webhooks.ts';

/** Subscriptions of a namespace. Each is an object, which costs nothing while nothing waits. */
export const SUBSCRIPTIONS_MAX = 10_000;

/** Subscriptions of one queue or topic: its definition holds their names, and each commit looks at them. */
export const SUBSCRIPTIONS_OF_SOURCE_MAX = 16;

/** Attempts that are kept of each subscription. */
export const ATTEMPTS_KEPT = 1_000;

/** Of a reply that is kept with an attempt, or with a dead letter. */
export const PUSH_REPLY_BYTES_MAX = 4_096;

export const PUSH_FORMATS = [
  'json',
  'body',
  'cloudevents-binary',
  'cloudevents-structured',
  'cloudevents-batch',
] as const;
export type PushFormat = (typeof PUSH_FORMATS)[number];

/** Formats of which a request may hold more than one message. */
export const BATCH_FORMATS: readonly PushFormat[] = ['json', 'cloudevents-batch'];

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
/** Visible ASCII, with spaces between. */
const HEADER_VALUE = /^[!-~](?:[ -~]*[!-~])?$/;

/** Names that the broker sets itself, or that belong to the connection. */
const OWN_HEADERS =
  /^(?:host|connection|content-length|content-type|transfer-encoding|te|trailer|upgrade|keep-alive|expect|cookie|authorization|webhook-.*|ce-.*|posthorn-.*|proxy-.*|sec-.*|cf-.*)$/i;

/** A place in a partition. */
const positionSchema = z.union([
  z.int().min(0),
  z.enum(['earliest', 'latest']),
  z.string().regex(/^@\d{1,15}$/, 'expected an offset, "earliest", "latest" or "@" and milliseconds'),
]);
export type PushPosition = z.infer<typeof positionSchema>;

const topicSourceSchema = z.strictObject({
  topic: nameSchema,
  from: positionSchema
    .default('latest')
    .describe(
      'Where a new subscription begins in each partition: `earliest`, `latest`, an offset, or `@<ms>` for the first record at or after that time. Later ones begin at their start',
    ),
  order: z
    .enum(['key', 'partition'])
    .default('key')
    .describe(
      '`key`: records of one key are pushed in order, one request at a time; `partition`: all of a partition. A record that fails holds up those after it until it is accepted or a dead letter',
    ),
  retry: retrySchema
    .default({ schedule_ms: [1_000, 5_000, 30_000] })
    .describe('When a record that failed is pushed again; after the last attempt it is a dead letter'),
  dead_letter: z
    .union([z.strictObject({ queue: wideNameSchema }), z.literal('none')])
    .optional()
    .describe(
      'The queue of records that failed for good. Default: the queue `<subscription>.dlq`, which is created if necessary. `none`: they are passed over, and stay in the topic',
    ),
});

export const subscriptionSourceSchema = z.union([
  z.strictObject({ queue: wideNameSchema }),
  topicSourceSchema,
]);
export type DeclaredSource = z.infer<typeof subscriptionSourceSchema>;
type DeclaredTopic = z.infer<typeof topicSourceSchema>;
export type TopicSource = DeclaredTopic & { dead_letter: Exclude<DeclaredTopic['dead_letter'], undefined> };
export type SubscriptionSource = Exclude<DeclaredSource, { topic: string }> | TopicSource;

export const pushFilterSchema = z
  .strictObject({
    routing_key: routingKey()
      .optional()
      .describe(
        'A pattern as a topic exchange has it: `*` is one word, `#` zero or more. A message that came through no exchange is matched by its key',
      ),
    headers: argumentsSchema
      .optional()
      .describe('As the arguments of a binding to a headers exchange, with `x-match`; null: any value'),
  })
  .refine(
    ({ routing_key, headers }) => routing_key !== undefined || headers !== undefined,
    'expected routing_key or headers',
  )
  .meta({ anyOf: [{ required: ['routing_key'] }, { required: ['headers'] }] });
export type PushFilter = z.infer<typeof pushFilterSchema>;

const inNamespace = {
  namespace: nameSchema.optional().describe('Left out: the namespace of the subscription'),
};
const storeTargetSchema = z.union([
  z.strictObject({ ...inNamespace, queue: wideNameSchema }),
  z.strictObject({ ...inNamespace, topic: nameSchema }),
]);
export type StoreTarget = z.infer<typeof storeTargetSchema>;

const workerTargetSchema = z.strictObject({
  worker: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'expected a letter, then at most 62 letters, digits, "-" and "_"')
    .describe(
      'A Worker that the broker is bound to, by name: `image-pipeline` is the service binding SUBSCRIBER_IMAGE_PIPELINE',
    ),
});
export type WorkerTarget = z.infer<typeof workerTargetSchema>;

export const subscriptionTargetSchema = z.union([
  z.strictObject({
    url: webhookSchema.shape.url.describe(
      'The address that requests go to (POST): https and public, unless the broker is configured otherwise',
    ),
  }),
  workerTargetSchema,
  ...storeTargetSchema.options,
]);
export type SubscriptionTarget = z.infer<typeof subscriptionTargetSchema>;

const fields = {
  source: subscriptionSourceSchema.describe('Where the messages come from'),
  target: subscriptionTargetSchema.describe('Where they are pushed to: not the source itself'),
  filter: pushFilterSchema
    .nullable()
    .default(null)
    .describe(
      'What is pushed: messages that match the routing key and the headers. The others are settled without a push; null: all are pushed',
    ),
  format: z
    .enum(PUSH_FORMATS)
    .default('json')
    .describe(
      '`json`: an object with `messages`; `body`: the body of one message; `cloudevents-…`: CloudEvents 1.0 in the binary, the structured or the batched form',
    ),
  batch_messages: z
    .int()
    .min(1)
    .max(1_000)
    .default(1)
    .describe('Messages of one request at most; more than one with `json` and `cloudevents-batch` only'),
  batch_wait_ms: z
    .int()
    .min(0)
    .max(10_000)
    .default(0)
    .describe('How long a request waits for its batch to be full'),
  concurrency: z.int().min(1).max(100).default(10).describe('Requests at the same time'),
  rate_per_s: z
    .number()
    .min(0.01)
    .max(100_000)
    .nullable()
    .default(null)
    .describe('Requests in a second at most; null: as many as the endpoint takes'),
  reply_timeout_ms: z
    .int()
    .min(100)
    .max(120_000)
    .default(15_000)
    .describe('How long a request waits for its reply'),
  headers: z
    .record(
      z.string().regex(HEADER_NAME, 'is not the name of a header'),
      z.string().max(1_000).regex(HEADER_VALUE, 'expected visible ASCII characters'),
    )
    .default({})
    .refine((headers) => Object.keys(headers).length <= 20, 'at most 20 headers')
    .refine(
      (headers) => !Object.keys(headers).some((name) => OWN_HEADERS.test(name)),
      'the broker sets content-type, authorization (by `authorization`), webhook-…, ce-…, posthorn-… and those of the connection itself',
    )
    .meta({ maxProperties: 20 })
    .describe('Headers of each request, shown to everybody who may view the subscription'),
};

export const oauthClientSchema = z.strictObject({
  token_url: webhookSchema.shape.url.describe(
    'The address that gives out tokens: https and public, unless the broker is configured otherwise',
  ),
  client_id: z.string().min(1).max(500),
  client_secret: z.string().min(1).max(4_096),
  scope: z.string().min(1).max(1_000).optional(),
  audience: z.string().min(1).max(1_000).optional().describe('Some servers ask for it'),
});
export type OAuthClient = z.infer<typeof oauthClientSchema>;

const secrets = {
  secret: webhookSchema.shape.secret,
  next_secret: webhookSchema.shape.secret
    .nullable()
    .describe(
      'A second secret. Requests are signed with both while the receiver changes from one to the other; null: none any more',
    ),
  authorization: z
    .string()
    .max(4_096)
    .regex(HEADER_VALUE, 'expected visible ASCII characters')
    .nullable()
    .optional()
    .describe('The value of the header `authorization`, never shown again; null: none any more'),
  oauth: oauthClientSchema
    .nullable()
    .optional()
    .describe(
      'Client credentials (RFC 6749, section 4.4): requests have a bearer token that is got with them. Never shown again; it goes before `authorization`; null: none any more',
    ),
};

/** Requests of the other formats have one message. */
export const subscriptionRule = notBoth({
  format: { enum: PUSH_FORMATS.filter((format) => !BATCH_FORMATS.includes(format)) },
  batch_messages: { minimum: 2 },
});
export const subscriptionDeclarationSchema = z.strictObject({ ...fields, ...secrets }).meta(subscriptionRule);
export type SubscriptionDeclaration = z.infer<typeof subscriptionDeclarationSchema>;

/** Why a subscription is paused. */
export const PAUSE_REASONS = ['asked', 'gone', 'source_deleted'] as const;
export type PauseReason = (typeof PAUSE_REASONS)[number];

const subscriptionBaseSchema = z.object({
  subscription: nameSchema,
  ...fields,
  has_next_secret: z.boolean(),
  has_authorization: z.boolean(),
  has_oauth: z.boolean(),
  is_paused: z.boolean(),
  pause_reason: z
    .enum(PAUSE_REASONS)
    .nullable()
    .describe(
      '`gone`: the endpoint answered 410; `source_deleted`: its queue or topic was deleted. null: it runs',
    ),
});

export const subscriptionSchema = subscriptionBaseSchema.extend({
  secret: z.string().optional().describe('Only in the reply to the request that made it'),
  topology_version: z.int().min(1).describe('The version of the topology that this answer was read from'),
});
export type SubscriptionReply = z.infer<typeof subscriptionSchema>;

const count = () => z.int().min(0);

export const pushPositionSchema = z.object({
  partition: count(),
  offset: count().describe('Every record before it is settled'),
  end_offset: count().describe('Where the partition ends'),
  lag: count(),
});

/** Partitions that one reply lists. */
export const POSITIONS_MAX = 100;

export const subscriptionStateSchema = z.object({
  in_flight: count().describe('Requests that wait for their reply'),
  held: count().describe('Messages that it has taken and not settled'),
  breaker: z
    .enum(['closed', 'open', 'probing'])
    .describe('open: the endpoint failed again and again, and gets nothing for a while'),
  resumes_at: z
    .int()
    .nullable()
    .describe(
      'When it pushes again, in ms since 1970: the breaker or a `Retry-After` said so; null: it does now',
    ),
  failures: count().describe('Requests that failed one after another until now'),
  last_error: z.string().nullable().describe('Why the last request failed; null: it did not'),
  pushed: count().describe('Messages that the endpoint accepted since the object woke'),
  failed: count().describe('Messages whose request failed since the object woke'),
  filtered: count().describe('Messages that the filter has passed over since the object woke'),
  lag: count()
    .nullable()
    .describe('Records of the topic that are not settled; null: the source is a queue, or does not answer'),
  positions: z
    .array(pushPositionSchema)
    .optional()
    .describe('Of a topic: the partitions that answered, the first 100'),
  dead_letters_waiting: count().describe('Dead letters that their queue does not have yet'),
});
export type SubscriptionState = z.infer<typeof subscriptionStateSchema>;

export const subscriptionWithStateSchema = subscriptionSchema
  .omit({ secret: true })
  .extend({ state: subscriptionStateSchema });
export type SubscriptionWithStateReply = z.infer<typeof subscriptionWithStateSchema>;

export const subscriptionListSchema = z.object({
  subscriptions: z.array(subscriptionBaseSchema),
  next: nextPage(),
});
export type SubscriptionList = z.infer<typeof subscriptionListSchema>;

export const subscriptionDeletedSchema = z.object({
  subscription: nameSchema,
  topology_version: z.int().min(1),
});

export const attemptSchema = z.object({
  id: z.string().describe('`webhook-id` of the request'),
  at: z.int().describe('When it was sent, in ms since 1970'),
  duration_ms: count(),
  messages: count(),
  attempt: z.int().min(1).describe('Which attempt it was for its first message'),
  status: z.int().nullable().describe('null: there was no reply'),
  outcome: z
    .enum(['accepted', 'failed', 'released'])
    .describe('released: it failed, and does not count as an attempt of the message'),
  error: z.string().nullable().describe('What was wrong, in words'),
  reply: z
    .string()
    .nullable()
    .describe(`The first ${PUSH_REPLY_BYTES_MAX} bytes of a reply that was no success`),
});
export type Attempt = z.infer<typeof attemptSchema>;

export const attemptsQuerySchema = z.strictObject({
  limit: z.int().min(1).max(ATTEMPTS_KEPT).default(100).describe('Attempts at most, the latest first'),
  failed: z.enum(['true', 'false']).optional().describe('Only those that failed'),
});

export const attemptsSchema = z.object({ attempts: z.array(attemptSchema) });
export type Attempts = z.infer<typeof attemptsSchema>;

export const subscriptionTestedSchema = z.object({ subscription: nameSchema, attempt: attemptSchema });
export type SubscriptionTested = z.infer<typeof subscriptionTestedSchema>;

export const subscriptionSeekSchema = z.strictObject({
  to: positionSchema.describe(
    'An offset, `earliest`, `latest`, or `@<ms>` for the first record at or after that time',
  ),
  partitions: z.array(z.int().min(0)).min(1).max(PARTITIONS_MAX).optional().describe('Left out: all'),
});
export type SubscriptionSeek = z.infer<typeof subscriptionSeekSchema>;

export const subscriptionSoughtSchema = z.object({
  subscription: nameSchema,
  offsets: z.array(
    z.object({
      partition: count(),
      offset: count().describe('Held to the log: not before its start, not past its end'),
    }),
  ),
});
export type SubscriptionSought = z.infer<typeof subscriptionSoughtSchema>;

/** Longest lease of a pushed message, in ms. */
export const PUSH_LEASE_MS_MAX = Math.min(TIME_SPAN_MS_MAX, 300_000);
