/**
 * The contract of definitions: everything that is declared in a namespace as one document, and the plan that leads to it.
 *
 *     { "posthorn": 1, "topics": [{"topic": "orders", "partitions": 10}], "queues": [...], "exchanges": [...], ... }
 *
 * An entry has its name and the settings that its declaration takes. A setting that is left out has its default. A kind that
 * is left out is not looked at.
 */

import * as z from '../zod.ts';
import { DEFINITIONS_ENTRIES_MAX } from '../limits.ts';
import { nameSchema, wideNameSchema } from './names.ts';
import { alertDeclarationSchema } from './alerts.ts';
import { exchangeDeclarationSchema, sourcedBindingSchema } from './exchanges.ts';
import { hookDeclarationSchema } from './hooks.ts';
import { policyDeclarationSchema } from './policies.ts';
import { queueDeclarationSchema } from './queues.ts';
import { scheduleDeclarationSchema } from './schedules.ts';
import { shareGroupConfigSchema } from './share-groups.ts';
import { subscriptionDeclarationSchema, subscriptionRule } from './subscriptions.ts';
import { topicDeclarationSchema } from './topics.ts';

export const DEFINITIONS_VERSION = 1;

const list = <Entry extends z.ZodType>(entry: Entry, description: string) =>
  z.array(entry).max(DEFINITIONS_ENTRIES_MAX).optional().describe(description);

export const definitionsSchema = z.strictObject({
  posthorn: z.literal(DEFINITIONS_VERSION).describe('The version of the form of the document'),
  topics: list(topicDeclarationSchema.extend({ topic: nameSchema }), 'Topics, without that of the audit'),
  queues: list(
    queueDeclarationSchema.extend({ queue: wideNameSchema }),
    'Queues with the settings of their own, without those of policies',
  ),
  exchanges: list(
    exchangeDeclarationSchema.extend({ exchange: wideNameSchema }),
    'Exchanges, without the predeclared ones',
  ),
  bindings: list(sourcedBindingSchema, 'Bindings from all exchanges'),
  policies: list(policyDeclarationSchema.extend({ policy: nameSchema }), 'Policies'),
  alerts: list(
    alertDeclarationSchema.extend({ alert: nameSchema }),
    'Alert rules. Secrets are never exported; one that is left out stays, or is made',
  ),
  schedules: list(scheduleDeclarationSchema.extend({ schedule: nameSchema }), 'Schedules'),
  subscriptions: list(
    subscriptionDeclarationSchema.extend({ subscription: nameSchema }).meta(subscriptionRule),
    'Subscriptions. Secrets are never exported; one that is left out stays, or is made',
  ),
  hooks: list(
    hookDeclarationSchema.extend({ hook: nameSchema }),
    'Hooks. Secrets are never exported; one that is left out stays, or is made',
  ),
  share_groups: list(shareGroupConfigSchema.extend({ share_group: nameSchema }), 'Share groups'),
});
export type Definitions = z.output<typeof definitionsSchema>;

/** Members of a document that are lists, in the order in which each finds what it refers to. */
export const DEFINITION_LISTS = [
  'topics',
  'queues',
  'exchanges',
  'bindings',
  'policies',
  'alerts',
  'schedules',
  'subscriptions',
  'hooks',
  'share_groups',
] as const;
export type DefinitionList = (typeof DEFINITION_LISTS)[number];

export const DEFINITION_KINDS = [
  'topic',
  'queue',
  'exchange',
  'binding',
  'policy',
  'alert',
  'schedule',
  'subscription',
  'hook',
  'share_group',
] as const;
export type DefinitionKind = (typeof DEFINITION_KINDS)[number];

export const definitionsQuerySchema = z.strictObject({
  kinds: z
    .string()
    .regex(
      new RegExp(`^(?:${DEFINITION_LISTS.join('|')})(?:,(?:${DEFINITION_LISTS.join('|')}))*$`),
      `expected some of ${DEFINITION_LISTS.join(', ')}, separated by commas`,
    )
    .max(200)
    .optional()
    .describe('The members of the document, separated by commas. Default: all'),
});

const flag = () => z.enum(['true', 'false']).optional();

export const applyDefinitionsQuerySchema = z.strictObject({
  dry_run: flag().describe('Only the plan: nothing is changed'),
  prune: flag().describe('Also delete what the document does not have, of the kinds that it has'),
  if_version: z
    .int()
    .min(0)
    .optional()
    .describe('`topology_version` of a plan: if a definition has changed since, nothing is changed'),
});

const fieldChangeSchema = z.object({
  is: z.unknown().optional().describe('Absent: it is not set, or it is a secret'),
  wanted: z.unknown().optional().describe('Absent: it returns to its default, or it is a secret'),
});

export const definitionStepSchema = z.object({
  action: z.enum(['create', 'change', 'delete']),
  kind: z.enum(DEFINITION_KINDS),
  name: z.string().describe('Of a binding: what it connects, as text'),
  fields: z.record(z.string(), fieldChangeSchema).optional().describe('Of a change: the fields that differ'),
  secret: z.string().optional().describe('The secret that was made for it. No other reply shows it'),
});
export type DefinitionStep = z.output<typeof definitionStepSchema>;

export const leftOutSchema = z.object({
  kind: z.string().describe('The member of the document that has it'),
  name: z.string(),
  reason: z.string(),
});
export type LeftOut = z.output<typeof leftOutSchema>;

export const definitionsAppliedSchema = z.object({
  dry_run: z.boolean(),
  steps: z.array(definitionStepSchema).describe('What is created, changed and deleted, in that order'),
  unchanged: z.int().min(0).describe('Entries of the document that are there as they shall be'),
  problem: z
    .object({
      kind: z.enum(DEFINITION_KINDS),
      name: z.string(),
      code: z.string(),
      detail: z.string(),
    })
    .optional()
    .describe('Of a dry run: the first step that would be refused, and all others with it'),
  left_out: z
    .array(leftOutSchema)
    .optional()
    .describe('Of a document of RabbitMQ: entries that have no counterpart, and why'),
  topology_version: z
    .int()
    .min(0)
    .describe('The version of the topology after the steps; of a dry run, before'),
});
export type DefinitionsApplied = z.output<typeof definitionsAppliedSchema>;
