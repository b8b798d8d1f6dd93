/** Pages of lists: what a request for one says, and how its reply goes on. */

import * as z from 'zod';
import { NAME_LENGTH_MAX, PAGE_ITEMS_MAX } from '../limits.ts';

const limit = () =>
  z.int().min(1).max(PAGE_ITEMS_MAX).default(PAGE_ITEMS_MAX).describe('Items in one reply, at most');

/** @param afterLengthMax of what `next` may be */
export const pageFields = (afterLengthMax: number) => ({
  after: z.string().max(afterLengthMax).optional().describe('`next` of the page before'),
  limit: limit(),
});

/** In order of names. A name that was deleted meanwhile is as good as any: the page begins after it. */
export const namePageQuerySchema = z.strictObject(pageFields(NAME_LENGTH_MAX));

/** In a reply; a page may hold fewer items than asked for and have it. */
export const nextPage = () =>
  z
    .string()
    .optional()
    .describe('There are more; ask again with it as `after`. Absent: this is the last page');
