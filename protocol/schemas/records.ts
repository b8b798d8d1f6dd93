/** The contract of produce and fetch. */

import * as z from '../zod.ts';
import { headersInSchema, headersOutSchema, type WrittenHeaders } from '../json/header-fields.ts';
import { BYTES_OR_JSON, textOrBytesSchema, type Base64Bytes, type TextOrBytes } from '../json/json-bytes.ts';
import type { JsonValue, JsonText } from '../json/json-text.ts';
import { wideNameSchema } from './names.ts';
import { produceProducerSchema } from './producers.ts';
import { needs, notBoth, type SchemaRule } from './schema-rules.ts';
import { topicIdSchema } from './topics.ts';
import {
  FETCH_BYTES_DEFAULT,
  FETCH_BYTES_MAX,
  HEADER_VALUES_MAX,
  REQUEST_RECORDS_MAX,
  WAIT_MS_MAX,
} from '../limits.ts';

const timestampMs = () => z.int().min(0);

export const produceRecordSchema = z.strictObject({
  key: textOrBytesSchema
    .nullable()
    .optional()
    .describe('Records of one key go to one partition, in order; compaction keeps the latest of each key'),
  value: z
    .unknown()
    .refine((value) => value !== undefined, 'is required; null is a tombstone')
    .meta(BYTES_OR_JSON)
    .describe('Any JSON value, {"$base64": "..."} for bytes, or null for a tombstone'),
  headers: headersInSchema({ isBrokers: false })
    .optional()
    .describe(`Name to value; an array if a name occurs more than once; ${HEADER_VALUES_MAX} values at most`),
  timestamp: timestampMs().optional().describe('Milliseconds since 1970; default: now'),
  partition: z.int().min(0).optional().describe('Overrides the choice by key'),
});
export type ProduceRecord = z.infer<typeof produceRecordSchema>;

export const ACKS = ['durable', 'none'] as const;

export const DELIVERY_LEVELS = ['at-most-once', 'at-least-once', 'exactly-once'] as const;
export type DeliveryLevel = (typeof DELIVERY_LEVELS)[number];

const delivery = () =>
  z
    .enum(DELIVERY_LEVELS)
    .optional()
    .describe(
      'The level by name, instead of acks: at-most-once is `none`, at-least-once is `durable`, exactly-once is `durable` and needs a producer',
    );

/** At a publish to a queue or an exchange. */
export const publishDelivery = () =>
  z
    .enum(['at-least-once', 'exactly-once'])
    .optional()
    .describe('The level by name. exactly-once: refused without a producer');

/**
 * At a request that consumes. The others are refused in words that say what to do instead (workers/deliver/consume-level.ts).
 *
 * @param meaning what each name comes down to there
 * @param levels those that it takes
 */
export const consumeDelivery = (meaning: string, levels: readonly DeliveryLevel[] = DELIVERY_LEVELS) =>
  z
    .enum(DELIVERY_LEVELS)
    .meta({ enum: [...levels] })
    .optional()
    .describe(`The level by name. ${meaning}`);

/** `exactly-once` reads what is committed only. */
export const EXACTLY_ONCE_ISOLATION = notBoth({
  delivery: { const: 'exactly-once' },
  isolation: { const: 'read_uncommitted' },
});

/** A switch that `at-most-once` is, and the other levels are not. */
export const atMostOnceIs = (name: string, on: unknown, off: unknown): SchemaRule[] => [
  notBoth({ delivery: { const: 'at-most-once' }, [name]: { const: off } }),
  notBoth({ delivery: { enum: ['at-least-once', 'exactly-once'] }, [name]: { const: on } }),
];

export const ISOLATIONS = ['read_uncommitted', 'read_committed'] as const;

/** What `acks`, `delivery` and `producer` say of each other: workers/produce/delivery-level.ts. */
const LEVEL_RULES = [
  notBoth({ acks: { const: 'none' }, delivery: { enum: ['at-least-once', 'exactly-once'] } }),
  notBoth({ acks: { const: 'durable' }, delivery: { const: 'at-most-once' } }),
];
const PRODUCE_RULES = [
  ...LEVEL_RULES,
  needs('delivery', 'exactly-once', 'producer'),
  notBoth({ producer: {}, acks: { const: 'none' } }),
  notBoth({ producer: {}, delivery: { const: 'at-most-once' } }),
  {
    // All to one partition too, which a schema cannot say of keys.
    if: { required: ['producer'] },
    then: {
      properties: {
        records: {
          items: {
            anyOf: [
              { required: ['partition'] },
              { required: ['key'], properties: { key: { not: { type: 'null' } } } },
            ],
          },
        },
      },
    },
  },
];

export const produceSchema = z
  .strictObject({
    records: z
      .array(produceRecordSchema)
      .min(1)
      .meta({ maxItems: REQUEST_RECORDS_MAX })
      .describe(`1 to ${REQUEST_RECORDS_MAX} records. All records of one partition are stored, or none`),
    acks: z
      .enum(ACKS)
      .optional()
      .describe('durable (default): answered when stored. none: answered at once, and nothing is promised'),
    delivery: delivery(),
    producer: produceProducerSchema.optional(),
  })
  .meta({ allOf: PRODUCE_RULES });
export type ProduceRequest = z.infer<typeof produceSchema>;

/** In a query: one, or several with commas between them. */
export const partitionNumbers = () =>
  z.union([
    z.int().min(0),
    z.string().regex(/^\d{1,4}(,\d{1,4})+$/, 'expected partition numbers with commas between them'),
  ]);

export function numbersIn(partitions: string | number | undefined): number[] | undefined {
  return partitions === undefined ? undefined : String(partitions).split(',').map(Number);
}

export const produceQuerySchema = z
  .strictObject({
    partitions: partitionNumbers()
      .optional()
      .describe('For a body of record batches: one partition for all of them, or one for each, in order'),
    acks: z.enum(ACKS).optional().describe('For a body of record batches, what `acks` is in JSON'),
    delivery: delivery(),
    transactional_id: wideNameSchema
      .optional()
      .describe('For record batches of a transaction, which name their producer themselves'),
  })
  .meta({ allOf: LEVEL_RULES });

export type ProduceQuery = z.infer<typeof produceQuerySchema>;

export const produceReplySchema = z.object({
  offsets: z
    .array(z.object({ partition: z.int(), offset: z.int(), timestamp: z.int() }))
    .describe('One for each record, in the order of the request'),
});
export type ProduceReply = z.infer<typeof produceReplySchema>;

export const produceBatchesReplySchema = z.object({
  batches: z
    .array(
      z.object({
        partition: z.int(),
        base_offset: z.int().describe('The offset of the first record of the batch'),
        record_count: z.int(),
        append_time: z
          .int()
          .nullable()
          .describe('The timestamp of all its records, if the topic uses append time'),
        log_start_offset: z.int().describe('The first offset that the partition still has'),
      }),
    )
    .describe('One for each batch, in the order of the request'),
});
export type ProduceBatchesReply = z.infer<typeof produceBatchesReplySchema>;

/**
 * What a problem of the code `partly_stored` has beside the usual members. Batches of a producer may be sent again as they
 * are: each is stored once. Otherwise only what is not stored is to be sent again.
 */
export const partlyStoredSchema = z.object({
  stored: produceBatchesReplySchema.shape.batches.describe('What is durable, by partition'),
  failed: z
    .array(
      z.looseObject({
        partition: z.int(),
        code: z.string().describe('Why this partition has stored nothing: a code of the one table'),
        retryable: z.boolean(),
        detail: z.string(),
      }),
    )
    .describe('One for each partition that has not stored its records, or did not answer'),
  offsets: z
    .array(produceReplySchema.shape.offsets.element.nullable())
    .optional()
    .describe('For records as JSON: one for each record, in the order of the request; null: not stored'),
});
export type PartlyStored = z.infer<typeof partlyStoredSchema>;

export const acceptedReplySchema = z.object({
  accepted: z.int().describe('Records accepted, without any promise'),
});
export type AcceptedReply = z.infer<typeof acceptedReplySchema>;

export const isolationSchema = z
  .enum(ISOLATIONS)
  .optional()
  .describe(
    'Default read_uncommitted. read_committed: nothing of transactions that are open or were aborted, and nothing after the first open one',
  );

export const ON_CORRUPT = ['fail', 'skip'] as const;
export type OnCorrupt = (typeof ON_CORRUPT)[number];

export const onCorruptSchema = z
  .enum(ON_CORRUPT)
  .default('fail')
  .describe(
    'What JSON replies do with damaged records (their CRC does not match). fail: the reply ends before them; one that would begin with them is `stored_batch_corrupt`, with the `next_offset` after them. skip: they are left out, and listed in `damaged`. Replies of bytes contain them as stored',
  );

export const damagedSchema = z
  .array(z.object({ offset: z.int(), next_offset: z.int().describe('The first offset after them') }))
  .optional()
  .describe('With on_corrupt=skip: ranges of records that were left out, because they are damaged on disk');

const expectedTopicId = () =>
  topicIdSchema
    .optional()
    .describe('The topic that the offset belongs to. Refused if another topic has the name now');

export const fetchQuerySchema = z
  .strictObject({
    offset: z
      .union([
        z.int().min(0),
        z.enum(['earliest', 'latest']),
        z.string().regex(/^@\d{1,15}$/, 'expected an offset, "earliest", "latest" or "@" and milliseconds'),
      ])
      .default('earliest')
      .describe('An offset, `earliest`, `latest`, or `@<ms>` for the first record at or after that time'),
    topic_id: expectedTopicId(),
    max_records: z
      .int()
      .min(1)
      .max(REQUEST_RECORDS_MAX)
      .default(REQUEST_RECORDS_MAX)
      .describe('For JSON replies'),
    max_bytes: z
      .int()
      .min(1)
      .max(FETCH_BYTES_MAX)
      .default(FETCH_BYTES_DEFAULT)
      .describe(
        'As JSON, the reply ends before the record that would pass it. As bytes, it ends after the batch that reaches it. At least one record, or batch, is always sent',
      ),
    wait_ms: z
      .int()
      .min(0)
      .max(WAIT_MS_MAX)
      .default(0)
      .describe('How long to wait for the first record if there is none yet'),
    wait_for: z
      .enum(['records', 'progress'])
      .default('records')
      .describe(
        'progress: the wait ends also when the position moves past aborted records. For readers that have to reach the end of what is stable',
      ),
    seen_high_watermark: z
      .int()
      .min(0)
      .optional()
      .describe(
        'The wait ends also when the log ends behind this offset, whether the records are stable or not',
      ),
    isolation: isolationSchema,
    on_corrupt: onCorruptSchema,
    delivery: consumeDelivery(
      'exactly-once is isolation `read_committed`, for a reader that notes its position with its results. For the others it notes it before the work (at-most-once) or after it (at-least-once)',
    ),
  })
  .meta(EXACTLY_ONCE_ISOLATION);
export type FetchQuery = z.infer<typeof fetchQuerySchema>;
export type FetchOffset = FetchQuery['offset'];

export const fetchedRecordSchema = z.object({
  offset: z.int(),
  timestamp: z.int(),
  key: textOrBytesSchema.nullable(),
  value: z
    .unknown()
    .describe(
      'The JSON value that was produced, with the same text; null is a tombstone. {"$base64": "..."}: bytes that are not JSON, or that would be ambiguous (the bytes `null`, an object with a member $base64)',
    ),
  headers: headersOutSchema.optional(),
});
export interface FetchedRecord<Value = JsonValue, Headers = z.infer<typeof headersOutSchema>> {
  offset: number;
  timestamp: number;
  key: TextOrBytes | null;
  value: Value;
  headers?: Headers;
}

/** As the broker hands it to `writeJson`. */
export type WrittenRecord = FetchedRecord<JsonText | Base64Bytes | null, WrittenHeaders>;

export const fetchReplySchema = z.object({
  topic_id: topicIdSchema.describe('The topic that these offsets belong to'),
  records: z.array(fetchedRecordSchema),
  next_offset: z.int().describe('The next offset to read'),
  high_watermark: z.int().describe('The offset that the next record will get'),
  log_start_offset: z.int().describe('The first offset that can be read'),
  last_stable_offset: z
    .int()
    .optional()
    .describe('With isolation=read_committed: below it every transaction has ended'),
  damaged: damagedSchema,
});
export type FetchReply<OneRecord = FetchedRecord> = Omit<z.infer<typeof fetchReplySchema>, 'records'> & {
  records: OneRecord[];
};

export const deleteRecordsQuerySchema = z.strictObject({
  before: z
    .union([z.int().min(0), z.literal('latest')])
    .describe('Records below this offset are removed; `latest` removes all there are'),
  topic_id: expectedTopicId(),
});
