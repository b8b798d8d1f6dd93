/** The contract of objects: bodies that are too large for a message. Their bytes are in an R2 bucket, and no Durable Object sees them. */

import * as z from '../zod.ts';
import { OBJECT_ID_LENGTH_MAX } from '../limits.ts';
import { OBJECT_ID_PATTERN, OBJECT_ID_RULE } from '../names/object-id.ts';
import { nextPage, pageFields } from './pages.ts';

export const objectIdSchema = z.string().regex(OBJECT_ID_PATTERN, `expected ${OBJECT_ID_RULE}`);

const sha256 = () =>
  z
    .string()
    .length(64)
    .regex(/^[0-9a-f]{64}$/, 'expected 64 digits of lower-case hexadecimal');

export const objectPutQuerySchema = z.strictObject({
  sha256: sha256()
    .optional()
    .describe('The SHA-256 of the body. Other bytes are refused with `digest_mismatch`'),
});

export const objectSchema = z.strictObject({
  object: objectIdSchema,
  bytes: z.int().min(0),
  content_type: z.string().describe('As it was sent'),
  sha256: sha256().optional().describe('If it was sent with the object'),
  stored_at: z.int().describe('In ms since 1970'),
  expires_at: z
    .int()
    .nullable()
    .describe('From when it does not exist any more, in ms since 1970: the end of its day. Null: never'),
});
export type ObjectReply = z.infer<typeof objectSchema>;

export const objectListQuerySchema = z.strictObject(pageFields(OBJECT_ID_LENGTH_MAX));

export const objectListSchema = z.strictObject({
  objects: z.array(objectSchema).describe('By id: those that expire first come first'),
  next: nextPage(),
});
export type ObjectList = z.infer<typeof objectListSchema>;

export const objectDeletedSchema = z.strictObject({ object: objectIdSchema });
