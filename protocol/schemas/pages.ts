/** Pages of lists: what a request for one says, and how its reply goes on. */

import * as z from '../zod.ts';
import { PAGE_ITEMS_MAX, WIDE_NAME_BYTES_MAX } from '../limits.ts';

const limit = () =>
  z.int().min(1).max(PAGE_ITEMS_MAX).default(PAGE_ITEMS_MAX).describe('Items in one reply, at most');

/** @param afterLengthMax of what `next` may be */
export const pageFields = (afterLengthMax: number) => ({
  after: z.string().max(afterLengthMax).optional().describe('`next` of the page before'),
  limit: limit(),
});

/** In order of names. A name that was deleted meanwhile is as good as any: the page begins after it. */
export const namePageQuerySchema = z.strictObject(pageFields(WIDE_NAME_BYTES_MAX));

/** What the overview knows of each item, for one request more. */
export const lagPageQuerySchema = z.strictObject({
  ...pageFields(WIDE_NAME_BYTES_MAX),
  include: z
    .enum(['lag'])
    .optional()
    .describe('What each item says beside its definition, from the overview'),
});

/** In a reply; a page may hold fewer items than asked for and have it. */
export const nextPage = () =>
  z
    .string()
    .optional()
    .describe('There are more; ask again with it as `after`. Absent: this is the last page');
