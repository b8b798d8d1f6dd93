/** The contract of limits: what a namespace may cost. */

import * as z from '../zod.ts';

const ROWS_MAX = 1_000_000_000_000;

export const costLimitsSchema = z.strictObject({
  rows_written_per_hour: z
    .int()
    .min(1)
    .max(ROWS_MAX)
    .nullable()
    .describe(
      'Rows that the queues and partitions of the namespace may write in an hour of the clock (UTC) before publishes are refused with `cost_ceiling`; null: no limit',
    ),
});

export const costLimitsReplySchema = z.object({
  ...costLimitsSchema.shape,
  rows_written_this_hour: z
    .int()
    .min(0)
    .describe('As far as objects have reported; exact to about one in a hundred of the ceiling'),
  is_exceeded: z.boolean(),
  resets_at: z.int().describe('When the next hour begins, in ms since 1970'),
});
export type CostLimitsReply = z.infer<typeof costLimitsReplySchema>;
