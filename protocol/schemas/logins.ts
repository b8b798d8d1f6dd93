/** The contract of logins by SCRAM: the messages of the mechanism, and the credential that a login brings. */

import * as z from '../zod.ts';
import { nameSchema } from './names.ts';

export const SCRAM_LOGINS_PATH = '/admin/v1/logins/scram';

export const SCRAM_MECHANISMS = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

/** A first message has a user and a nonce, a last one two nonces and a proof. */
const MESSAGE_LENGTH_MAX = 2_048;

/** A header without channel binding and without a second user, then the user and the nonce. Extensions that are no duty may follow. */
export const CLIENT_FIRST = /^([ny],,)(n=((?:[^,=]|=2C|=3D)+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]*)*)$/;

export const scramStepSchema = z.strictObject({
  mechanism: z.enum(SCRAM_MECHANISMS),
  binder: z
    .string()
    .min(16)
    .max(128)
    .describe('A random text of the caller for both calls, which nobody else knows'),
  client_first: z
    .string()
    .max(MESSAGE_LENGTH_MAX)
    .regex(CLIENT_FIRST, 'is none of SCRAM, or asks for channel binding')
    .describe('Of the client. The user is `<id of the token>` or `<namespace>/<id of the token>`'),
  client_final: z
    .string()
    .min(1)
    .max(MESSAGE_LENGTH_MAX)
    .optional()
    .describe('Of the client. Absent: the exchange begins'),
});

export const scramReplySchema = z.union([
  z.object({ server_first: z.string() }),
  z.object({
    server_final: z.string(),
    credential: z.string().describe('Stands for the token, as a bearer, until it expires or the token ends'),
    expires_at: z.int().describe('In ms since 1970'),
    namespace: nameSchema.describe('That of the token'),
  }),
]);
export type ScramReply = z.infer<typeof scramReplySchema>;
