/** Check: fields of a body or a query against their schema, with a list of violations. */

import type { z } from 'zod';
import { failure, type Failure } from '../errors.ts';

/** Violations listed in one reply; the rest are counted. */
const VIOLATIONS_SHOWN_MAX = 20;

/** Fields of a body: more are not looked at one by one, which would take seconds. */
const FIELDS_MAX = 1_000;

/** Names of unknown fields that are shown. */
const NAMES_SHOWN_MAX = 10;

export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: 'body' | 'query',
): { fields: z.output<Schema> } | Failure {
  const names =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  if (names.length > FIELDS_MAX)
    return failure('unknown_field', `${where}: ${names.length} fields are more than any request may have`);
  const result = schema.safeParse(value);
  if (result.success) return { fields: result.data };
  const violations = result.error.issues.map((issue) => ({
    field: fieldName(issue),
    message: explain(issue),
  }));
  const isUnknown = result.error.issues.some(({ code }) => code === 'unrecognized_keys');
  const [first] = violations;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return failure(
    isUnknown ? 'unknown_field' : 'invalid_field',
    `${where}${first!.field && ` ${first!.field}`}: ${first!.message}${more}`,
    { violations: violations.slice(0, VIOLATIONS_SHOWN_MAX) },
  );
}

function fieldName({ path }: z.core.$ZodIssue): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const shown = issue.keys.slice(0, NAMES_SHOWN_MAX).map((key) => `"${key}"`);
    const more = issue.keys.length - shown.length;
    return `unknown field ${shown.join(', ')}${more > 0 ? ` (and ${more} more)` : ''}`;
  }
  if (issue.code !== 'invalid_union') return issue.message;
  const alternatives = new Set(issue.errors.flat().map((inner) => explain(inner)));
  return [...alternatives].join(', or ') || issue.message;
}
