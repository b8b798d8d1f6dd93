/** The contract of objects: bodies that are too large for a message. Their bytes are in an R2 bucket, and no Durable Object sees them. */

import * as z from '../zod.ts';
import {
  CONTENT_TYPE_LENGTH_MAX,
  OBJECT_BYTES_MAX,
  OBJECT_ID_LENGTH_MAX,
  OBJECT_PARTS_MAX,
} from '../limits.ts';
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

/** What `next` may be: an id, or the key of bytes that came in parts. */
const AFTER_LENGTH_MAX = OBJECT_ID_LENGTH_MAX + 60;

export const objectListQuerySchema = z.strictObject(pageFields(AFTER_LENGTH_MAX));

export const objectListSchema = z.strictObject({
  objects: z.array(objectSchema).describe('By id: those that expire first come first'),
  next: nextPage(),
});
export type ObjectList = z.infer<typeof objectListSchema>;

export const objectDeletedSchema = z.strictObject({ object: objectIdSchema });

export const uploadBeginSchema = z.strictObject({
  bytes: z.int().min(1).max(OBJECT_BYTES_MAX).describe('Of the whole object'),
  content_type: z.string().min(1).max(CONTENT_TYPE_LENGTH_MAX).optional(),
  sha256: sha256().optional().describe('Of the whole object, for those who read it'),
});

export const uploadSchema = z.strictObject({
  object: objectIdSchema,
  upload: z.string().describe('The id of the upload'),
  bytes: z.int(),
  part_bytes: z.int().describe('Of each part but the last'),
  parts: z.int().describe('Their number: the parts are 1 to that'),
  expires_at: z.int().describe('Until when it can be completed, in ms since 1970'),
});
export type UploadReply = z.infer<typeof uploadSchema>;

export const partPutQuerySchema = z.strictObject({
  sha256: sha256()
    .optional()
    .describe('The SHA-256 of the part. Other bytes are refused with `digest_mismatch`'),
});

const etag = () => z.string().min(1).max(512).describe('For the completion');

export const partSchema = z.strictObject({ part: z.int(), etag: etag() });
export type PartReply = z.infer<typeof partSchema>;

export const uploadCompleteSchema = z.strictObject({
  parts: z
    .array(z.strictObject({ part: z.int().min(1).max(OBJECT_PARTS_MAX), etag: etag() }))
    .min(1)
    .max(OBJECT_PARTS_MAX)
    .describe('Each part of the upload, in any order'),
});

export const uploadAbortedSchema = z.strictObject({ upload: z.string() });
