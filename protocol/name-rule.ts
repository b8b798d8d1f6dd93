/**
 * Name rule: which names are allowed. It does not use the schema library, so that the SDK can share it. It is Kafka's
 * for topics: letters, digits, `.`, `_` and `-`, at most 249 characters, and neither `.` nor `..`, which paths would
 * swallow, nor `__proto__`, which no object can have as a key.
 */

import { NAME_LENGTH_MAX } from './limits.ts';

export const NAME_RULE = `1 to ${NAME_LENGTH_MAX} of the characters A-Z a-z 0-9 . _ -, but not ".", ".." or "__proto__"`;

export const NAME_PATTERN = new RegExp(`^(?!(?:\\.{1,2}|__proto__)$)[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`);

export function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

/** How the default exchange, whose name is empty, is written where a name stands in a path. RabbitMQ's convention. */
export const DEFAULT_EXCHANGE_PATH = 'amq.default';
