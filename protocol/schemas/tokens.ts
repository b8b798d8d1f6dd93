/** The contract of tokens: what one is made with, and what is shown of it. The secret is shown once. */

import * as z from '../zod.ts';
import { ACTIONS, RESOURCE_KINDS, ROLES } from '../access/scopes.ts';
import { NAME_LENGTH_MAX, PAGE_ITEMS_MAX } from '../limits.ts';
import { nameSchema, wideNameSchema } from './names.ts';
import { nextPage, pageFields } from './pages.ts';
import { rateQuotasSchema } from './quotas.ts';
import { someOf } from './schema-rules.ts';

const SCOPES_MAX = 100;

export const scopeSchema = z.strictObject({
  kind: z.enum([...RESOURCE_KINDS, '*']).describe('The kind of resource; `*`: every kind'),
  name: wideNameSchema
    .regex(/^[^*]*\*?$/, 'expected a name, or a prefix that ends with its only *')
    .describe('A name, or a prefix that ends with `*`'),
  actions: z.array(z.enum(ACTIONS)).min(1).max(ACTIONS.length),
});

/** A time as numbers say it, or as RFC 3339 does. */
export const timeSchema = z
  .union([z.int().min(0).max(8_640_000_000_000_000), z.iso.datetime({ offset: true })])
  .describe('In ms since 1970, or as RFC 3339 writes it');

export function msOfTime(time: z.output<typeof timeSchema>): number {
  return typeof time === 'number' ? time : Date.parse(time);
}

export const tokenDeclarationSchema = z
  .strictObject({
    name: z.string().min(1).max(100).describe('What people call it, in lists and audits'),
    namespace: nameSchema.describe('The only namespace that it is good for'),
    scopes: z.array(scopeSchema).min(1).max(SCOPES_MAX).optional(),
    roles: z.array(z.enum(ROLES)).min(1).max(ROLES.length).optional(),
    expires_at: timeSchema
      .nullable()
      .optional()
      .describe('A time that is not past; null or absent: it does not expire'),
    quotas: rateQuotasSchema
      .optional()
      .describe('Besides those of its namespace. What is left out is as its maker has it'),
  })
  .refine(({ scopes, roles }) => scopes !== undefined || roles !== undefined, 'expected scopes or roles')
  .meta(someOf('scopes', 'roles'));
export type TokenDeclaration = z.infer<typeof tokenDeclarationSchema>;

export const tokenRotationSchema = z.strictObject({
  previous_expires_at: timeSchema
    .optional()
    .describe('How long the former secret is still good. Default: a day; a past time ends it at once'),
});

const shownFields = {
  id: z.string().describe('Names the token, and is no secret'),
  name: z.string(),
  namespace: nameSchema,
  scopes: z.array(scopeSchema).describe('With the scopes that its roles stand for'),
  roles: z.array(z.enum(ROLES)),
  created_at: z.int().describe('In ms since 1970'),
  created_by: z.string().describe('The id of the token that made it; `root` for the root token'),
  expires_at: z.int().nullable().describe('In ms since 1970'),
  last_used_at: z.int().nullable().describe('The hour of its last use, in ms since 1970; null: never'),
  rotated_at: z.int().nullable(),
  previous_expires_at: z.int().nullable().describe('Until when the former secret is good, after a rotation'),
  revoked_at: z.int().nullable(),
  quotas: rateQuotasSchema,
};

export const tokenSchema = z.object(shownFields);
export type TokenReply = z.infer<typeof tokenSchema>;

export const tokenMadeSchema = z.object({
  ...shownFields,
  token: z.string().describe('The secret: it is shown only here'),
});
export type TokenMade = z.infer<typeof tokenMadeSchema>;

export const tokenPageQuerySchema = z.strictObject({
  namespace: nameSchema.optional().describe('Only those of a namespace'),
  ...pageFields(NAME_LENGTH_MAX + 32),
});

export const tokenListSchema = z.object({
  tokens: z.array(tokenSchema).max(PAGE_ITEMS_MAX),
  next: nextPage(),
});
export type TokenList = z.infer<typeof tokenListSchema>;
