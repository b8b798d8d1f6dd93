/**
 * Alerts of a queue, as its status shows them. They have a file of their own, because the schemas of policies import
 * queues and those of alerts import policies.
 */

import * as z from '../zod.ts';
import { nameSchema } from './names.ts';

/** What `GET /queues/{queue}` says of each rule that matches. */
export const queueAlertSchema = z.object({
  alert: nameSchema,
  state: z
    .enum(['ok', 'pending', 'firing'])
    .describe('`pending`: above the threshold, but not for `for_ms` yet'),
  since: z.int().nullable().describe('When it came to that state, in ms since 1970; null: it was always ok'),
  undelivered: z.int().min(0).describe('Notices that the receiver has not taken yet'),
});
export type QueueAlert = z.infer<typeof queueAlertSchema>;
