/**
 * Names of namespaces, topics and everything else that a path can carry. The rule is Kafka's for topics: letters,
 * digits, `.`, `_` and `-`, at most 249 characters, and neither `.` nor `..`, which paths would swallow.
 */

import { z } from 'zod';
import { NAME_LENGTH_MAX } from './limits.ts';

export const NAME_RULE = `1 to ${NAME_LENGTH_MAX} of the characters A-Z a-z 0-9 . _ -, but not "." or ".."`;

const NAME_PATTERN = new RegExp(`^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`);

export const nameSchema = z.string().regex(NAME_PATTERN, `expected ${NAME_RULE}`);

export function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}
