/** The contract of alerts: rules for all queues whose names match a pattern, and what is sent when one fires. */

import * as z from '../zod.ts';
import { TIME_SPAN_MS_MAX } from '../limits.ts';
import { nameSchema } from './names.ts';
import { policyDeclarationSchema, ruleProgressSchema } from './policies.ts';
import { webhookReplySchema, webhookSchema } from './webhooks.ts';
import { nextPage } from './pages.ts';

export const ALERT_METRICS = ['depth', 'oldest_age_ms', 'dead_letter_rate'] as const;
export type AlertMetric = (typeof ALERT_METRICS)[number];

/** Rules of a namespace: each queue that one matches keeps a copy. */
export const ALERTS_MAX = 100;

const fields = {
  pattern: policyDeclarationSchema.shape.pattern,
  metric: z
    .enum(ALERT_METRICS)
    .describe(
      '`depth`: messages ready for delivery; `oldest_age_ms`: how long ago the oldest of them was published; `dead_letter_rate`: messages dead-lettered in the last minute',
    ),
  threshold: z.int().min(0).max(TIME_SPAN_MS_MAX).describe('It is above when the metric is larger than this'),
  for_ms: z
    .int()
    .min(0)
    .max(TIME_SPAN_MS_MAX)
    .default(0)
    .describe('It fires when it has been above for this long without a break'),
};

export const alertDeclarationSchema = z.strictObject({ ...fields, webhook: webhookSchema });
export type AlertDeclaration = z.infer<typeof alertDeclarationSchema>;

export const alertSchema = z.object({
  alert: nameSchema,
  ...fields,
  webhook: webhookReplySchema,
  progress: ruleProgressSchema,
  topology_version: z.int().min(1).describe('The version of the topology that this answer was read from'),
});
export type AlertReply = z.infer<typeof alertSchema>;

export const alertListSchema = z.object({
  alerts: z.array(alertSchema.omit({ topology_version: true, progress: true })),
  next: nextPage(),
});
export type AlertList = z.infer<typeof alertListSchema>;

export const alertDeletedSchema = z.object({
  alert: nameSchema,
  progress: ruleProgressSchema.describe('How far its end has come'),
  topology_version: z.int().min(1),
});
export type AlertDeleted = z.infer<typeof alertDeletedSchema>;

/** The body of a notice. Times are RFC 3339. */
export interface AlertNotice {
  type: 'alert.firing' | 'alert.recovered';
  /** When it came to it: not when this was sent. */
  timestamp: string;
  data: {
    alert: string;
    namespace: string;
    queue: string;
    metric: AlertMetric;
    threshold: number;
    for_ms: number;
    /** The metric when it came to it. */
    value: number;
    /** When it began to be above the threshold. */
    since: string;
    /** `alert.recovered` only: `below_threshold`, or `rule_deleted` if the rule went while it was firing. */
    reason?: 'below_threshold' | 'rule_deleted';
  };
}
