/** The contract of change capture: what a Debezium Server sends, and how its topics are named. */

import * as z from '../zod.ts';
import { nameSchema } from './names.ts';

const template = () =>
  z
    .string()
    .min(1)
    .max(255)
    .regex(
      /^(?:[A-Za-z0-9._-]|\{(?:server|db|schema|table)\})+$/,
      'expected letters, digits, `.`, `_`, `-`, and `{server}`, `{db}`, `{schema}`, `{table}`',
    );

const columns = () =>
  z
    .string()
    .max(1_000)
    .regex(/^[^,]+(?:,[^,]+)*$/, 'expected names of columns with commas between');

const fields = {
  topic: template()
    .optional()
    .describe(
      'The name of the topic of a change. Default: `{server}.{schema}.{table}`, with the database for one without a schema',
    ),
  key: columns()
    .optional()
    .describe('The columns whose values are the key, as JSON: `{"id":7}`. Default: there is no key'),
  other: nameSchema
    .optional()
    .describe(
      'The topic of what is no change of a table, such as heartbeats and ends of transactions. Default: it is refused',
    ),
};

/** Its rules between parameters are checked by workers/routes/ingest.ts. */
export const debeziumQuerySchema = z
  .strictObject({
    ...fields,
    tombstones: z
      .enum(['true', 'false'])
      .optional()
      .describe(
        'A second record without a value after each delete, for topics that are compacted. Needs `key`',
      ),
    create: z.enum(['true', 'false']).optional().describe('`false`: a topic that is missing is not made'),
  })
  .meta({ allOf: [{ if: { required: ['tombstones'] }, then: { required: ['key'] } }] });

/** As the target of a hook. */
export const debeziumTargetSchema = z.strictObject({
  ...fields,
  tombstones: z.boolean().default(false).describe('A second record without a value after each delete'),
  create: z.boolean().default(true).describe('Topics that are missing are made'),
});
export type DebeziumTarget = z.infer<typeof debeziumTargetSchema>;

/** For the document: the broker reads changes by core/ingest/debezium.ts. */
export const debeziumChangeSchema = z
  .looseObject({
    before: z.record(z.string(), z.unknown()).nullable().optional(),
    after: z.record(z.string(), z.unknown()).nullable().optional(),
    source: z.looseObject({}).optional(),
    op: z.string().optional(),
  })
  .describe('The value of a change event, with its schema or without it');

export const debeziumStoredSchema = z.object({
  events: z.int().min(0).describe('Events of the request'),
  topics: z
    .array(z.object({ topic: nameSchema, records: z.int().min(0) }))
    .describe('Records that were stored in each topic'),
});
export type DebeziumStored = z.infer<typeof debeziumStoredSchema>;
