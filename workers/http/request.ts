/** Reading a request: limits the size of bodies, and checks fields against their schemas. */

import type { Context } from 'hono';
import type { z } from 'zod';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { check } from '../../protocol/fields/check.ts';
import { parseJson } from '../../protocol/json/json-parse.ts';
import type { JsonPath } from '../../protocol/json/json-scan.ts';
import { JSON_TYPE, RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import { readBytes } from '../bounds/read-body.ts';
import { JSON_WEIGHT, releaseBody } from '../bounds/request-bytes.ts';

export { readBytes };

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
