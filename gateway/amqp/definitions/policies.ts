/** Policies of RabbitMQ as this broker has them: their patterns are globs here, and they set what queues have. */

import type { PolicyDeclaration } from '../../../sdk/admin/exchange-types.ts';
import { isKnownArgument, readQueueArguments } from '../../../wire/amqp/arguments/queue-arguments.ts';
import { isPortError } from '../../../wire/amqp/reply-codes.ts';
import { askedSettings } from '../queues/queue-declaration.ts';
import { tableOf } from './json-fields.ts';

/** Kinds of queues that a policy can be for. Others are for exchanges and streams. */
const FOR_QUEUES = new Set(['all', 'queues', 'classic_queues', 'quorum_queues']);

/** What a glob cannot say: alternatives, repetitions, classes; and characters that a pattern of a policy may not have. */
const NO_LITERAL = /^[$^|\\()[\]{}+*?]$/;

/**
 * The glob that matches the same names as a regular expression, which finds its match anywhere in a name.
 * @returns null if there is none
 */
export function globOf(regularExpression: string): string | null {
  const [, start, body, end] = /^(\^?)((?:\\[^]|[^\\])*?)(\$?)$/u.exec(regularExpression) ?? [];
  if (body === undefined) return null;
  let glob = start === '' ? '*' : '';
  for (const [part] of body.matchAll(/\.[*+]|\\[^]|[^]/gu)) {
    const literal = /^\\[^0-9A-Za-z]$/u.test(part) ? part.slice(1) : part;
    if (part === '.*') glob += '*';
    else if (part === '.+') glob += '?*';
    else if (part === '.') glob += '?';
    else if (literal.startsWith('\\') || NO_LITERAL.test(literal)) return null;
    else glob += literal;
  }
  return (end === '' ? `${glob}*` : glob).replaceAll(/\*+/g, '*');
}

/**
 * @param entry of a file
 * @throws Error if there is no such policy here, and why
 */
export function readPolicy(entry: Readonly<Record<string, unknown>>): {
  policy: PolicyDeclaration;
  /** Names of settings that mean nothing here. */
  unknown: string[];
} {
  const { name, pattern, 'apply-to': target = 'all', definition, priority } = entry;
  if (!FOR_QUEUES.has(String(target))) {
    throw new Error(`policies are for queues here, not for ${String(target)}`);
  }
  const glob = globOf(String(pattern));
  if (glob === null) {
    throw new Error(`patterns are globs here, and none means ${String(pattern)}: posthorn policies put`);
  }
  const given = tableOf(definition);
  const isKnown = ([key]: (typeof given)[number]): boolean => isKnownArgument(`x-${key}`);
  const known = given.filter(isKnown).map(([key, field]) => [`x-${key}`, field] as const);
  const args = readQueueArguments(String(name), known);
  const settings = isPortError(args) ? args : askedSettings(args);
  if (isPortError(settings)) throw new Error(settings.reason.replace('for queue', 'of policy'));
  if (Object.keys(settings).length === 0) {
    const names = given.map(([key]) => key).join(', ') || 'nothing';
    throw new Error(`it sets ${names}, and none of what queues have here`);
  }
  return {
    policy: { pattern: glob, priority: Number(priority ?? 0), definition: settings },
    unknown: given.filter((one) => !isKnown(one)).map(([key]) => key),
  };
}
