/** The contract of quotas: what a namespace or a token may use up. */

import * as z from '../zod.ts';

const RATE_MAX = 1_000_000_000;

const rate = (what: string): z.ZodType<number | null | undefined> =>
  z
    .number()
    .positive()
    .max(RATE_MAX)
    .nullable()
    .optional()
    .describe(`${what} a second, in each isolate of the router; null or absent: no limit`);

const COUNT_MAX = 1_000_000_000;
const STORED_BYTES_MAX = 1_000_000_000_000_000;

const count = (what: string, max = COUNT_MAX): z.ZodType<number | null | undefined> =>
  z.int().min(0).max(max).nullable().optional().describe(`${what}; null or absent: no limit`);

/** What a namespace may have. */
const counts = {
  queues: count('Queues'),
  topics: count('Topics, without the audit'),
  partitions: count('Partitions of all topics together, without the audit'),
  bindings: count('Bindings'),
  groups: count('Consumer groups and share groups'),
  stored_bytes: count('Bytes that queues, partitions and open transactions store', STORED_BYTES_MAX),
};

/** Of a token: what it does, besides what its namespace may. */
export const rateQuotasSchema = z.strictObject({
  publish_per_s: rate('Records and messages that are produced and published'),
  deliver_per_s: rate('Records and messages that are handed out'),
  connections: count('Streams (WebSockets) that are open at the same time, in each isolate of the router'),
});
export type RateQuotaFields = z.infer<typeof rateQuotasSchema>;

export const quotasSchema = z.strictObject({ ...rateQuotasSchema.shape, ...counts });
export type QuotaFields = z.infer<typeof quotasSchema>;

const used = z.int().min(0);

export const quotaUseSchema = z.object({
  queues: used,
  topics: used,
  partitions: used,
  bindings: used,
  groups: used,
  stored_bytes: used.nullable().describe('As the objects have reported them; null: no quota limits them'),
});
