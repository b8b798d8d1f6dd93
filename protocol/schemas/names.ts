/** Names of everything that a path can carry, as schemas. The rules are in name-rule.ts. */

import * as z from '../zod.ts';
import { WIDE_NAME_BYTES_MAX } from '../limits.ts';
import {
  hasWideLength,
  NAME_PATTERN,
  NAME_RULE,
  WIDE_NAME_PATTERN,
  WIDE_NAME_RULE,
} from '../names/name-rule.ts';
import { utf8BytesMax } from './schema-rules.ts';

export { isName, isWideName, NAME_RULE, WIDE_NAME_RULE } from '../names/name-rule.ts';

export const nameSchema = z.string().regex(NAME_PATTERN, `expected ${NAME_RULE}`);

/** Of queues, exchanges, groups and transactional ids. */
export const wideNameSchema = z
  .string()
  .regex(WIDE_NAME_PATTERN, `expected ${WIDE_NAME_RULE}`)
  .refine(hasWideLength, `expected ${WIDE_NAME_RULE}`)
  .meta(utf8BytesMax(WIDE_NAME_BYTES_MAX));

/** A glob: `*` stands for any characters, `?` for one. */
export const topicPatternSchema = z
  .string()
  .regex(/^[A-Za-z0-9._*?-]{1,249}$/, 'expected a name in which * stands for any characters and ? for one');
