/** The contract of CloudEvents that come in. What a schema cannot say of an event is checked by `cloud-events/cloud-event.ts`. */

import * as z from '../zod.ts';
import { REQUEST_RECORDS_MAX } from '../limits.ts';
import { nameSchema, wideNameSchema } from './names.ts';
import { exchangePublishedSchema } from './exchanges.ts';
import { queuePublishedSchema } from './deliveries.ts';
import { produceReplySchema } from './records.ts';
import { oneOf } from './schema-rules.ts';

export const EVENT_TARGETS = ['topic', 'queue', 'exchange'] as const;

const attributeName = () => z.string().regex(/^[a-z0-9]{1,100}$/, 'expected the name of an attribute');

/** Its rules between parameters are checked by workers/routes/events.ts. */
export const eventsQuerySchema = z
  .strictObject({
    topic: nameSchema.optional().describe('The topic that gets the events'),
    queue: wideNameSchema.optional().describe('The queue that gets the events'),
    exchange: wideNameSchema
      .optional()
      .describe('The exchange that routes them; `amq.default` is the default one'),
    key: attributeName()
      .optional()
      .describe('At a topic: the attribute whose value is the key. Default: `partitionkey`, if there is one'),
    routing_key: attributeName()
      .optional()
      .describe('At an exchange: the attribute whose value is the routing key. Default: `type`'),
  })
  .meta({
    allOf: [
      oneOf(...EVENT_TARGETS),
      { if: { required: ['key'] }, then: { required: ['topic'] } },
      { if: { required: ['routing_key'] }, then: { required: ['exchange'] } },
    ],
  });
export type EventsQuery = z.infer<typeof eventsQuerySchema>;

const text = () => z.string().min(1);

/** For the document and for clients: the broker reads events by `eventOfJson`. */
export const cloudEventSchema = z
  .object({
    specversion: z.literal('1.0'),
    id: text().describe('With `source` it tells events apart'),
    source: text().describe('Where it happened: a URI reference'),
    type: text().describe('What happened, such as `com.example.order.created`'),
    subject: text().optional(),
    time: z.iso.datetime({ offset: true }).optional().describe('When it happened'),
    datacontenttype: text().optional().describe('Default: application/json'),
    dataschema: text().optional(),
    data: z.unknown().optional().describe('Any JSON value; text, if `datacontenttype` is not JSON'),
    data_base64: z.string().optional().describe('The data as padded base64, instead of `data`'),
  })
  .catchall(z.union([z.string(), z.boolean(), z.int32(), z.null()]))
  .meta({
    propertyNames: { pattern: '^(?:[A-Za-z0-9]{1,100}|data_base64)$' },
    not: { required: ['data', 'data_base64'] },
  });

export const cloudEventBatchSchema = z
  .array(cloudEventSchema)
  .meta({ minItems: 1, maxItems: REQUEST_RECORDS_MAX });

export const eventsStoredSchema = z.union([
  produceReplySchema,
  queuePublishedSchema,
  exchangePublishedSchema,
]);
