/**
 * The contract of webhooks: where a notice is sent to, and the secret that it is signed with, as the Standard Webhooks
 * specification says (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).
 */

import { z } from 'zod';

const URL_LENGTH_MAX = 2_048;

/** The specification's: a secret has 24 to 64 bytes. */
export const WEBHOOK_SECRET_PREFIX = 'whsec_';
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

export const webhookSchema = z.strictObject({
  url: z
    .string()
    .min(1)
    .max(URL_LENGTH_MAX)
    .describe(
      'Where notices are POSTed to: https, and a public address, unless the broker is told otherwise',
    ),
  secret: z
    .string()
    .refine(isWebhookSecret, 'expected whsec_ and the padded base64 of 24 to 64 bytes')
    .optional()
    .describe(
      '`whsec_` and base64. Left out, the one that it has is kept, or one is made, which this reply shows and no later one',
    ),
});
export type WebhookDeclaration = z.infer<typeof webhookSchema>;

/** What is shown of a webhook. */
export const webhookReplySchema = z.object({
  url: z.string(),
  secret: z.string().optional().describe('Only in the reply to the request that had it made'),
});
export type WebhookReply = z.infer<typeof webhookReplySchema>;

export function isWebhookSecret(text: string): boolean {
  if (!text.startsWith(WEBHOOK_SECRET_PREFIX)) return false;
  const base64 = text.slice(WEBHOOK_SECRET_PREFIX.length);
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) return false;
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  const bytes = (base64.length / 4) * 3 - padding;
  return bytes >= SECRET_BYTES_MIN && bytes <= SECRET_BYTES_MAX;
}
