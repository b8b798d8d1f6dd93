/** Reading a request: limits the size of bodies, and checks fields against their schemas with a list of violations. */

import type { Context } from 'hono';
import type { z } from 'zod';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { parseJson } from '../../protocol/json/json-parse.ts';
import type { JsonPath } from '../../protocol/json/json-scan.ts';
import { JSON_TYPE, RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import { readBytes } from '../bounds/read-body.ts';
import { JSON_WEIGHT, releaseBody } from '../bounds/request-bytes.ts';

export { readBytes };

/** Violations listed in one reply; the rest are counted. */
const VIOLATIONS_SHOWN_MAX = 20;

/** Fields of a body: more are not looked at one by one, which would take seconds. */
const FIELDS_MAX = 1_000;

/** Names of unknown fields that are shown. */
const NAMES_SHOWN_MAX = 10;

/** JSON, and what curl and fetch send if nobody has told them the type. */
const JSON_TYPES = new Set(['', JSON_TYPE, 'text/plain', 'application/x-www-form-urlencoded']);

export type BodyKind = 'json' | 'batches' | 'none';

export function contentType(c: Context): string {
  return (c.req.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
}

/** Returns the kind of the body by its content type. JSON needs none, because people at a terminal forget it. */
export function bodyKind(c: Context, takesBatches: boolean): BodyKind | Failure {
  const type = contentType(c);
  if (JSON_TYPES.has(type) || type.endsWith('+json')) return 'json';
  if (takesBatches && type === RECORD_BATCH_TYPE) return 'batches';
  const taken = takesBatches ? `${JSON_TYPE} or ${RECORD_BATCH_TYPE}` : JSON_TYPE;
  return failure('unsupported_media_type', `content type "${type}" is not supported here; send ${taken}`);
}

/**
 * The body as JSON; an empty one is `{}`.
 * @param path values that stay as they were written, as `JsonText`
 */
export async function readJson(request: Request, path?: JsonPath): Promise<{ json: unknown } | Failure> {
  const bytes = await readBytes(request, JSON_WEIGHT);
  if (isFailure(bytes)) return bytes;
  return bytes.length === 0 ? { json: {} } : parseJson(bytes, path);
}

/** @param path as of `readJson` */
export async function readBody<Schema extends z.ZodType>(
  c: Context,
  schema: Schema,
  path?: JsonPath,
): Promise<{ fields: z.output<Schema> } | Failure> {
  const kind = bodyKind(c, false);
  if (isFailure(kind)) return kind;
  const body = await readJson(c.req.raw, path);
  if (isFailure(body)) return body;
  const checked = check(schema, body.json, 'body');
  releaseBody(c.req.raw); // such a request may wait long for its answer, and its fields are small
  return checked;
}

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
