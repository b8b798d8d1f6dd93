/** The contract of namespaces: what a declaration says, and what a reply shows. */

import { z } from 'zod';
import { nameSchema } from '../names.ts';
import { nextPage } from './pages.ts';
import { quotasSchema } from './quotas.ts';

export const namespaceDeclarationSchema = z.strictObject({ quotas: quotasSchema.optional() });
export type NamespaceDeclaration = z.infer<typeof namespaceDeclarationSchema>;

/** What a change says: the quotas as they shall be from now on. */
export const namespaceChangeSchema = z.strictObject({ quotas: quotasSchema });

export const namespaceSchema = z.object({
  namespace: nameSchema,
  created_at: z.int().describe('In ms since 1970; 0 for `default`, which is there from the start'),
  quotas: quotasSchema,
});
export type NamespaceReply = z.infer<typeof namespaceSchema>;

export const namespaceListSchema = z.object({ namespaces: z.array(namespaceSchema), next: nextPage() });
export type NamespaceList = z.infer<typeof namespaceListSchema>;
