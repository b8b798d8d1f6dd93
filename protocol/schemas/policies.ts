/**
 * The contract of policies: settings for all queues whose names match a pattern, as RabbitMQ's policies
 * (https://www.rabbitmq.com/docs/policies). How a policy and a queue's own arguments combine is in
 * core/topology/rules/policies.ts.
 */

import * as z from '../zod.ts';
import { WIDE_NAME_BYTES_MAX } from '../limits.ts';
import { WIDE_CHARACTER } from '../names/name-rule.ts';
import { nameSchema } from './names.ts';
import { queueConfigSchema } from './queues.ts';
import { nextPage } from './pages.ts';

const PRIORITY_MAX = 1_000_000;

/** Characters of wide names without those that only a regular expression is likely to have: RabbitMQ's patterns are such. */
const PATTERN = new RegExp(`^(?:(?![\\^$|\\\\()\\[\\]{}+])${WIDE_CHARACTER})+$`, 'u');

const pattern = z
  .string()
  .min(1)
  .max(WIDE_NAME_BYTES_MAX)
  .regex(
    PATTERN,
    'expected characters of names, `*` for any number of any, `?` for any one, which stands for ^ $ | \\ ( ) [ ] { } and + too',
  );

/** What RabbitMQ's policies can set, by the names of queue arguments; leases and deduplication are this broker's own. */
export const policySettingsSchema = queueConfigSchema
  .pick({
    message_ttl_ms: true,
    expires_ms: true,
    max_length: true,
    max_bytes: true,
    overflow: true,
    lease_ms: true,
    dedup_window_ms: true,
    retry: true,
    dead_letter: true,
  })
  .partial();
export type PolicySettings = z.infer<typeof policySettingsSchema>;

export const policyDeclarationSchema = z.strictObject({
  pattern: pattern.describe(
    'Names of queues: `*` stands for any characters, `?` for any one. The whole name must match',
  ),
  priority: z
    .int()
    .min(-PRIORITY_MAX)
    .max(PRIORITY_MAX)
    .default(0)
    .describe('Of several matching policies only the highest applies; of equal ones the first by name'),
  definition: policySettingsSchema
    .refine((settings) => Object.keys(settings).length > 0, 'has at least one member')
    .meta({ minProperties: 1 })
    .describe('The settings, by the names of the fields of a queue'),
});
export type PolicyDeclaration = z.infer<typeof policyDeclarationSchema>;

/** How far a rule has come on its way to the queues: there may be many. */
export const ruleProgressSchema = z.object({
  queues_checked: z.int().min(0).describe('Queues that have been looked at since the last change of a rule'),
  queues_total: z.int().min(0).describe('Queues that there were at that change'),
  done: z.boolean().describe('Every queue that it matches has it'),
});

export const policySchema = z.object({
  policy: nameSchema,
  ...policyDeclarationSchema.shape,
  progress: ruleProgressSchema,
  warnings: z
    .array(z.string())
    .optional()
    .describe('Likely mistakes, such as a dead-letter target that does not exist. Absent if there are none'),
  topology_version: z.int().min(1).describe('The version of the topology that this answer was read from'),
});
export type PolicyReply = z.infer<typeof policySchema>;

export const policyListSchema = z.object({
  policies: z.array(policySchema.omit({ topology_version: true, progress: true, warnings: true })),
  next: nextPage(),
});
export type PolicyList = z.infer<typeof policyListSchema>;

export const policyDeletedSchema = z.object({
  policy: nameSchema,
  progress: ruleProgressSchema.describe('How far its end has come'),
  topology_version: z.int().min(1),
});
export type PolicyDeleted = z.infer<typeof policyDeletedSchema>;
