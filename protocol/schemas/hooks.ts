/** The contract of hooks: addresses that take webhooks of other services in, each verified by its signature. */

import * as z from '../zod.ts';
import { PROPERTY_LENGTH_MAX, ROUTING_KEY_BYTES_MAX } from '../limits.ts';
import { nameSchema, wideNameSchema } from './names.ts';
import { debeziumTargetSchema } from './ingest.ts';
import { nextPage } from './pages.ts';
import { needs, utf8BytesMax } from './schema-rules.ts';

/** Hooks of a namespace. */
export const HOOKS_MAX = 1_000;

/** Headers of a request that a hook keeps beside those of its scheme. */
export const HOOK_HEADERS_MAX = 20;

export const HOOK_SCHEMES = ['github', 'stripe', 'standard', 'hmac'] as const;

/** Parts of the text that is signed. */
const SIGNED_PARTS = /\{(?:body|timestamp|id)\}/g;
const SIGNED_RULE =
  'expected text with `{body}` once, and `{timestamp}` and `{id}` once each where their headers are named';

const headerName = () =>
  z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'is not the name of a header');

const visible = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[ -~]*$/, 'expected visible ASCII characters');

export const hookSignatureSchema = z.strictObject({
  header: headerName().describe('The header that has the signature'),
  prefix: visible(50).default('').describe('What stands before the signature, such as `sha256=`'),
  hash: z.enum(['sha256', 'sha1', 'sha512']).default('sha256').describe('The hash of the HMAC'),
  encoding: z.enum(['hex', 'base64']).default('hex').describe('How the signature is written'),
  signed: visible(200)
    .default('{body}')
    .refine(isSignedText, SIGNED_RULE)
    .describe(
      'What is signed: text with `{body}`, `{timestamp}` and `{id}` in it, such as `v0:{timestamp}:{body}`',
    ),
  timestamp_header: headerName()
    .optional()
    .describe('The header that has the time of sending, in seconds since 1970'),
  id_header: headerName().optional().describe('The header that has the id of the delivery'),
  type_header: headerName().optional().describe('The header that has the type of the event'),
});
export type HookSignature = z.infer<typeof hookSignatureSchema>;

const routingKey = () =>
  z
    .string()
    .refine((value) => new TextEncoder().encode(value).length <= ROUTING_KEY_BYTES_MAX, {
      message: `at most ${ROUTING_KEY_BYTES_MAX} bytes of UTF-8`,
    })
    .meta(utf8BytesMax(ROUTING_KEY_BYTES_MAX));

export const hookTargetSchema = z.union([
  z.strictObject({ queue: wideNameSchema }),
  z.strictObject({
    topic: nameSchema,
    key: z
      .enum(['none', 'id', 'type'])
      .default('none')
      .describe('The key of the record: the id of the delivery, or the type of the event'),
  }),
  z.strictObject({
    exchange: wideNameSchema,
    routing_key: routingKey()
      .optional()
      .describe('Default: the type of the event, or the name of the hook for one without a type'),
  }),
  z.strictObject({
    debezium: debeziumTargetSchema.describe(
      'Change capture: requests are changes, as `POST .../ingest/debezium` takes them',
    ),
  }),
]);
export type HookTarget = z.infer<typeof hookTargetSchema>;

const fields = {
  target: hookTargetSchema.describe('Where the requests are stored'),
  scheme: z
    .enum(HOOK_SCHEMES)
    .describe(
      'How requests are signed: as GitHub, Stripe or Standard Webhooks do, or by an HMAC that `signature` describes',
    ),
  signature: hookSignatureSchema.optional().describe('With the scheme `hmac` only, and there always'),
  tolerance_s: z
    .int()
    .min(1)
    .max(86_400)
    .default(300)
    .describe('How far the time of sending may be from now, in either direction, where it is signed'),
  headers: z
    .array(headerName())
    .max(HOOK_HEADERS_MAX)
    .default([])
    .describe('Headers of the request that are kept, beside those of the scheme'),
};

/** Secrets are what the sending service shows, so nearly any text is one. */
const secret = () =>
  z
    .string()
    .min(8)
    .max(512)
    .regex(/^[ -~]+$/, 'expected visible ASCII characters');

export const hookDeclarationSchema = z
  .strictObject({
    ...fields,
    secret: secret()
      .optional()
      .describe(
        'The secret that the sender signs with. Default: the existing one stays, or a new one is made, which only this reply shows',
      ),
    next_secret: secret()
      .nullable()
      .optional()
      .describe(
        'A second secret that is as good, while the sender changes from one to the other; null: none any more',
      ),
  })
  .meta(needs('scheme', 'hmac', 'signature'));
export type HookDeclaration = z.infer<typeof hookDeclarationSchema>;

const hookBaseSchema = z.object({ hook: nameSchema, ...fields, has_next_secret: z.boolean() });

export const hookSchema = hookBaseSchema.extend({
  path: z.string().describe('Where the sender sends its requests to, on the address of the broker'),
  secret: z.string().optional().describe('Only in the reply to the request that made it'),
  topology_version: z.int().min(1).describe('The version of the topology that this answer was read from'),
});
export type HookReply = z.infer<typeof hookSchema>;

export const hookListSchema = z.object({ hooks: z.array(hookBaseSchema), next: nextPage() });
export type HookList = z.infer<typeof hookListSchema>;

export const hookDeletedSchema = z.object({ hook: nameSchema, topology_version: z.int().min(1) });

export const hookReceivedSchema = z.object({
  hook: nameSchema,
  id: z.string().max(PROPERTY_LENGTH_MAX).nullable().describe('The id of the delivery; null: it has none'),
  outcome: z
    .enum(['stored', 'duplicate', 'unroutable'])
    .describe(
      '`duplicate`: the queue has seen the id within its window. `unroutable`: no binding of the exchange took it',
    ),
});
export type HookReceived = z.infer<typeof hookReceivedSchema>;

function isSignedText(text: string): boolean {
  const parts: string[] = text.match(SIGNED_PARTS) ?? [];
  return parts.includes('{body}') && new Set(parts).size === parts.length;
}
