/** The contract of namespaces: what a declaration says, and what a reply shows. */

import * as z from '../zod.ts';
import { nameSchema } from './names.ts';
import { nextPage } from './pages.ts';
import { quotasSchema, quotaUseSchema } from './quotas.ts';

export const namespaceDeclarationSchema = z.strictObject({ quotas: quotasSchema.optional() });

/** What a change says: the quotas as they shall be from now on. */
export const namespaceChangeSchema = z.strictObject({ quotas: quotasSchema });

/** What a deletion says: the name once more, so that a wrong path deletes nothing. */
export const namespaceDeletionQuerySchema = z.strictObject({
  confirm: z.string().optional().describe('The name of the namespace again; without it nothing is deleted'),
});

const deletionSchema = z.object({
  started_at: z.int().describe('In ms since 1970'),
  freed: z
    .int()
    .min(0)
    .describe('Objects that were freed: partitions, queues, schedules, groups and transactional ids'),
  left: z.int().min(0).nullable().describe('Objects that are left; null: they have not been counted yet'),
});

export const namespaceSchema = z.object({
  namespace: nameSchema,
  state: z.enum(['active', 'deleting']),
  created_at: z.int().describe('In ms since 1970; 0 for `default`, which is there from the start'),
  quotas: quotasSchema,
  use: quotaUseSchema
    .optional()
    .describe('What there is now. Not in lists, and not while it is being deleted'),
  deletion: deletionSchema.optional().describe('How far it has come, while it is being deleted'),
});
export type NamespaceReply = z.infer<typeof namespaceSchema>;

export const namespaceListSchema = z.object({ namespaces: z.array(namespaceSchema), next: nextPage() });
export type NamespaceList = z.infer<typeof namespaceListSchema>;
