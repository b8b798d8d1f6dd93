/**
 * Name rule: which names are allowed. It does not use the schema library, so that the SDK can share it.
 *
 *   name        of namespaces, topics, policies and the like. Kafka's rule for topics: letters, digits, `.`, `_` and `-`, at most
 *               249 characters
 *   wide name   of queues, exchanges, groups and transactional ids. RabbitMQ's rule: any text of at most 255 bytes of UTF-8, but
 *               no control characters. A path has it percent-encoded
 *
 * Neither may be `.` or `..`, which paths would swallow, or `__proto__`, which no object can have as a key.
 */

import { NAME_LENGTH_MAX, WIDE_NAME_BYTES_MAX } from '../limits.ts';

export const NAME_RULE = `1 to ${NAME_LENGTH_MAX} of the characters A-Z a-z 0-9 . _ -, but not ".", ".." or "__proto__"`;

export const NAME_PATTERN = new RegExp(`^(?!(?:\\.{1,2}|__proto__)$)[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`);

export const WIDE_NAME_RULE = `1 to ${WIDE_NAME_BYTES_MAX} bytes of UTF-8 without control characters, but not ".", ".." or "__proto__"`;

/** A character of a wide name, as a part of a pattern: no control character, and no half of a surrogate pair. */
export const WIDE_CHARACTER = '[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]';

/** Bytes are not counted here: a pattern cannot. */
export const WIDE_NAME_PATTERN = new RegExp(
  `^(?!(?:\\.{1,2}|__proto__)$)${WIDE_CHARACTER}{1,${WIDE_NAME_BYTES_MAX}}$`,
  'u',
);

/** No character has more bytes for each unit of UTF-16. */
const BYTES_PER_UNIT_MAX = 3;

const encoder = new TextEncoder();

export function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

export function isWideName(text: string): boolean {
  return WIDE_NAME_PATTERN.test(text) && hasWideLength(text);
}

export function hasWideLength(text: string): boolean {
  if (text.length * BYTES_PER_UNIT_MAX <= WIDE_NAME_BYTES_MAX) return true;
  return encoder.encode(text).length <= WIDE_NAME_BYTES_MAX;
}

const DEAD_LETTERS = '.dlq';

/** Returns the queue for what dies in a queue, a group or a share group by default. Of too long a name it has the beginning. */
export function defaultDeadLetterQueue(name: string): string {
  if (hasWideLength(`${name}${DEAD_LETTERS}`)) return `${name}${DEAD_LETTERS}`;
  const characters = Array.from(name);
  while (!hasWideLength(`${characters.join('')}${DEAD_LETTERS}`)) characters.pop();
  return `${characters.join('')}${DEAD_LETTERS}`;
}

/** How the default exchange, whose name is empty, is written where a name stands in a path. RabbitMQ's convention. */
export const DEFAULT_EXCHANGE_PATH = 'amq.default';
