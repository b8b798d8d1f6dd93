/** The contract of quotas: what a namespace or a token may use up. */

import { z } from 'zod';

const RATE_MAX = 1_000_000_000;

const rate = (what: string): z.ZodType<number | null | undefined> =>
  z
    .number()
    .positive()
    .max(RATE_MAX)
    .nullable()
    .optional()
    .describe(`${what} a second, in each isolate of the router; null or absent: no limit`);

export const quotasSchema = z.strictObject({
  publish_per_s: rate('Records and messages that are produced and published'),
  deliver_per_s: rate('Records and messages that are handed out'),
});
export type QuotaFields = z.infer<typeof quotasSchema>;
