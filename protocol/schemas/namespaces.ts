/** The contract of namespaces: what a declaration says, and what a reply shows. */

import { z } from 'zod';
import { nameSchema } from '../names.ts';
import { nextPage } from './pages.ts';

export const namespaceDeclarationSchema = z.strictObject({});
export type NamespaceDeclaration = z.infer<typeof namespaceDeclarationSchema>;

export const namespaceSchema = z.object({
  namespace: nameSchema,
  created_at: z.int().describe('In ms since 1970; 0 for `default`, which is there from the start'),
});
export type NamespaceReply = z.infer<typeof namespaceSchema>;

export const namespaceListSchema = z.object({ namespaces: z.array(namespaceSchema), next: nextPage() });
export type NamespaceList = z.infer<typeof namespaceListSchema>;
