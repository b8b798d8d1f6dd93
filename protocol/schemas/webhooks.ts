/**
 * The contract of webhooks: where a notice is sent to, and the secret that it is signed with, as the Standard Webhooks
 * specification says (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).
 */

import * as z from '../zod.ts';

const URL_LENGTH_MAX = 2_048;

export const WEBHOOK_SECRET_PREFIX = 'whsec_';

/** The specification's: a secret has 24 to 64 bytes, here as padded base64: 8 groups of four characters to 22. */
const SECRET_PATTERN =
  /^whsec_(?:(?:[A-Za-z0-9+/]{4}){8,20}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?|(?:[A-Za-z0-9+/]{4}){21}(?:[A-Za-z0-9+/]{2}==)?)$/;

export const webhookSchema = z.strictObject({
  url: z
    .string()
    .min(1)
    .max(URL_LENGTH_MAX)
    // The rest of the rule is in core/webhook/address.ts.
    .meta({ format: 'uri', pattern: '^[Hh][Tt][Tt][Pp][Ss]?:', examples: ['https://example.com/alerts'] })
    .describe('The address of notices (POST): https and public, unless the broker is configured otherwise'),
  secret: z
    .string()
    .regex(SECRET_PATTERN, 'expected whsec_ and the padded base64 of 24 to 64 bytes')
    .optional()
    .describe(
      '`whsec_` and base64. Default: the existing secret stays, or a new one is made, which only this reply shows',
    ),
});

/** What is shown of a webhook. */
export const webhookReplySchema = z.object({
  url: z.string(),
  secret: z.string().optional().describe('Only in the reply to the request that created it'),
});
