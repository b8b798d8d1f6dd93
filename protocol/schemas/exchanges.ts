/**
 * The contract of exchanges and bindings: definitions, and what a publish through an exchange takes and answers. The
 * words are AMQP 0-9-1's (section 3.1); the types add RabbitMQ's consistent hash.
 */

import * as z from '../zod.ts';
import {
  BINDINGS_PER_REQUEST_MAX,
  HEADER_VALUES_MAX,
  REQUEST_RECORDS_MAX,
  ROUTING_KEY_BYTES_MAX,
} from '../limits.ts';
import { messageSchema } from './messages.ts';
import { nextPage, pageFields } from './pages.ts';
import { exchangeProducerSchema } from './producers.ts';
import { publishDelivery } from './records.ts';
import { DEFAULT_EXCHANGE_PATH } from '../names/name-rule.ts';
import { namedValuesSchema } from '../json/named-values.ts';
import { wideNameSchema } from './names.ts';
import { needs, notBoth, utf8BytesMax } from './schema-rules.ts';

export { DEFAULT_EXCHANGE_PATH } from '../names/name-rule.ts';

/** The name of an exchange, from how it is written in requests. */
export function exchangeNameOf(written: string): string {
  return written === DEFAULT_EXCHANGE_PATH ? '' : written;
}

/** How the name of an exchange is written in replies. */
export function writtenExchange(name: string): string {
  return name === '' ? DEFAULT_EXCHANGE_PATH : name;
}

export const EXCHANGE_TYPE_NAMES = ['direct', 'fanout', 'topic', 'headers', 'consistent-hash'] as const;
export const DESTINATION_KINDS = ['queue', 'exchange', 'topic'] as const;

const topologyVersion = () =>
  z.int().min(0).describe('The version of the topology that this answer was read from');

export const exchangeConfigSchema = z.strictObject({
  type: z
    .enum(EXCHANGE_TYPE_NAMES)
    .describe('How bindings are compared with messages. Default direct. It cannot change'),
  internal: z.boolean().describe('Takes messages from other exchanges only, never from publishers'),
  alternate_exchange: wideNameSchema
    .nullable()
    .describe(
      'The exchange for messages that no binding takes. It need not exist yet; null, the default: they are dropped',
    ),
  auto_delete: z
    .boolean()
    .describe('The exchange is deleted with the last binding from it; not before it had one'),
  hash_header: z
    .string()
    .min(1)
    .max(ROUTING_KEY_BYTES_MAX)
    .nullable()
    .describe('Consistent-hash only: the header to hash instead of the routing key'),
});
export type ExchangeConfig = z.infer<typeof exchangeConfigSchema>;

export const EXCHANGE_DEFAULTS: ExchangeConfig = {
  type: 'direct',
  internal: false,
  alternate_exchange: null,
  auto_delete: false,
  hash_header: null,
};

export const exchangeDeclarationSchema = exchangeConfigSchema.partial();
export type ExchangeDeclaration = z.infer<typeof exchangeDeclarationSchema>;

export const exchangeSchema = z.object({
  exchange: z.string().describe('`amq.default` stands for the default exchange'),
  ...exchangeConfigSchema.shape,
  predeclared: z.boolean().describe('It exists from the start, and can be neither changed nor deleted'),
  topology_version: topologyVersion(),
});
export type ExchangeReply = z.infer<typeof exchangeSchema>;

export const exchangeListSchema = z.object({
  exchanges: z.array(exchangeSchema.omit({ topology_version: true })),
  next: nextPage(),
});
export type ExchangeList = z.infer<typeof exchangeListSchema>;

export const exchangeDeletedSchema = z.object({ exchange: z.string(), topology_version: topologyVersion() });

/** A flag in a query: `true`, `1` or the name alone mean yes. */
const flag = () => z.union([z.enum(['true', 'false', '']), z.literal(0), z.literal(1)]).optional();
export const isSet = (value: string | number | undefined): boolean =>
  value === 'true' || value === '' || value === 1;

export const exchangeDeleteQuerySchema = z.strictObject({
  if_unused: flag().describe('Only if no binding starts from it; else `exchange_in_use`'),
});

export const destinationSchema = z
  .strictObject({ kind: z.enum(DESTINATION_KINDS), name: wideNameSchema })
  // The default exchange takes no bindings.
  .meta(notBoth({ kind: { const: 'exchange' }, name: { const: DEFAULT_EXCHANGE_PATH } }));

/** A routing key, or a pattern of them. */
export const routingKey = () =>
  z
    .string()
    .refine((text) => new TextEncoder().encode(text).length <= ROUTING_KEY_BYTES_MAX, {
      message: `at most ${ROUTING_KEY_BYTES_MAX} bytes of UTF-8`,
    })
    .meta(utf8BytesMax(ROUTING_KEY_BYTES_MAX));

type ArgumentFields = Record<string, string | number | boolean | null>;
export const argumentsSchema = namedValuesSchema<ArgumentFields>(
  z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  (members) => {
    if (members.length > HEADER_VALUES_MAX)
      return { path: [], message: `has ${members.length} members; at most ${HEADER_VALUES_MAX} are taken` };
    for (const [name, value] of members) {
      const message = argumentProblem(value);
      if (message !== null) return { path: [name], message };
    }
    return null;
  },
);

function argumentProblem(value: unknown): string | null {
  if (typeof value === 'number') {
    if (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)) return null;
    return 'a number that is not exact beyond 2^53; send it as text, which is what headers are compared as';
  }
  const isScalar = typeof value === 'string' || typeof value === 'boolean' || value === null;
  return isScalar ? null : 'expected text, a number, a boolean or null';
}

const bindingFields = {
  destination: destinationSchema,
  routing_key: routingKey()
    .default('')
    .describe('A key, a pattern, or a weight (consistent-hash), as the type of the exchange takes it'),
  arguments: argumentsSchema
    .default({})
    .describe(
      'The values that a headers exchange compares. For every type they are part of the identity of a binding',
    ),
};
export const bindingDeclarationSchema = z.strictObject(bindingFields);
export type BindingRequest = z.infer<typeof bindingDeclarationSchema>;

export const bindingSchema = z.object({
  id: z.string().describe('Derived from the other members: the same binding has the same id everywhere'),
  source: z.string(),
  ...bindingFields,
});
export type BindingFields = z.infer<typeof bindingSchema>;

export const bindingReplySchema = z.object({ ...bindingSchema.shape, topology_version: topologyVersion() });
export type BindingReply = z.infer<typeof bindingReplySchema>;

export const sourcedBindingSchema = z.strictObject({
  source: wideNameSchema.meta({ not: { const: DEFAULT_EXCHANGE_PATH } }),
  ...bindingFields,
});

export const bindingsDeclarationSchema = z.strictObject({
  bindings: z
    .array(sourcedBindingSchema)
    .min(1)
    .max(BINDINGS_PER_REQUEST_MAX)
    .describe(`1 to ${BINDINGS_PER_REQUEST_MAX} bindings: all are created, or none`),
});

export const bindingsDeclaredSchema = z.object({
  ids: z.array(z.string()).describe('One for each binding, in the order of the request'),
  created: z.int().min(0).describe('How many of them were not there before'),
  topology_version: topologyVersion(),
});
export type BindingsDeclared = z.infer<typeof bindingsDeclaredSchema>;

export const bindingDeletedSchema = z.object({
  id: z.string(),
  exchange_deleted: z.boolean().describe('It was the last binding of an exchange that deletes itself'),
  topology_version: topologyVersion(),
});

const page = pageFields(64);
export const bindingsQuerySchema = z.strictObject(page);
export const exchangeBindingsQuerySchema = z.strictObject({
  end: z
    .enum(['source', 'destination'])
    .default('source')
    .describe('Which end the exchange is: `source`, bindings from it; `destination`, bindings to it'),
  ...page,
});
export const bindingListSchema = z.object({
  bindings: z.array(bindingSchema),
  next: nextPage(),
});
export type BindingList = z.infer<typeof bindingListSchema>;

export const exchangeMessageSchema = messageSchema.extend({
  routing_key: routingKey().default(''),
  mandatory: z
    .boolean()
    .default(false)
    .describe('Report in the reply (`unroutable`) if no binding takes the message'),
});
export type ExchangeMessage = z.infer<typeof exchangeMessageSchema>;

export const exchangePublishSchema = z
  .strictObject({
    messages: z
      .array(exchangeMessageSchema)
      .min(1)
      .meta({ maxItems: REQUEST_RECORDS_MAX })
      .describe(`1 to ${REQUEST_RECORDS_MAX} messages`),
    producer: exchangeProducerSchema.optional(),
    delivery: publishDelivery(),
  })
  .meta(needs('delivery', 'exactly-once', 'producer'));

export const exchangePublishQuerySchema = z.strictObject({
  mandatory: flag().describe('For a body of record batches: all messages are mandatory'),
  destinations: flag().describe('For a body of record batches: the reply says where each message is'),
  delivery: publishDelivery(),
});

const storedSchema = z.object({
  kind: z
    .enum([...DESTINATION_KINDS, 'reply'])
    .describe('`reply`: handed to the call that waited for it, and stored nowhere'),
  name: wideNameSchema,
  partition: z.int().optional().describe('Where in a topic'),
  offset: z.int().optional(),
});
export type Stored = z.infer<typeof storedSchema>;

export const publishedMessageSchema = z.object({
  destinations: z.array(storedSchema).describe('Every queue and topic that has stored it'),
  unroutable: z.literal(true).optional().describe('It was mandatory, and no binding took it'),
  failed: z
    .array(z.object({ kind: z.enum(DESTINATION_KINDS), name: wideNameSchema, code: z.string() }))
    .optional()
    .describe('In a problem only: destinations that have not stored it, and why'),
});
export type PublishedMessage = z.infer<typeof publishedMessageSchema>;

/** The reply to a publish through an exchange: every message is durable in every destination. */
export const exchangePublishedSchema = z.object({
  messages: z.array(publishedMessageSchema).describe('One for each message, in the order of the request'),
});
export type ExchangePublished = z.infer<typeof exchangePublishedSchema>;

const storedRunsSchema = z.object({
  ...storedSchema.omit({ offset: true }).shape,
  runs: z
    .array(z.array(z.int()).min(2).max(3))
    .describe(
      'The messages in it: the index of the first, from 0, their number, and in a topic the offset of the first',
    ),
});
export type StoredRuns = z.infer<typeof storedRunsSchema>;

export const exchangeBatchesPublishedSchema = z.object({
  count: z.int().describe('Messages in all batches, each durable in every destination'),
  unroutable: z.array(z.int()).describe('Indexes, from 0, of mandatory messages that no binding took'),
  destinations: z
    .array(storedRunsSchema)
    .optional()
    .describe('Where they are, in runs, if the query asks for it'),
});
export type ExchangeBatchesPublished = z.infer<typeof exchangeBatchesPublishedSchema>;
