/** The one place where a failure becomes an HTTP reply. */

import type { Context } from 'hono';
import { failure, problemOf, type Failure } from '../protocol/errors.ts';
import { PROBLEM_TYPE } from '../protocol/media-types.ts';

export function problem(c: Context, cause: Failure): Response {
  const document = problemOf(cause);
  c.header('content-type', PROBLEM_TYPE);
  const retryAfterS = cause.details?.['retry_after_s'];
  if (typeof retryAfterS === 'number') c.header('retry-after', String(retryAfterS));
  return c.body(JSON.stringify(document), document.status as 400);
}

/** What was thrown is a bug, or a part of the platform that is away; the caller learns only that it may try again. */
export function unexpected(c: Context, error: unknown): Response {
  console.error(`${c.req.method} ${c.req.path} failed`, error);
  return problem(c, failure('internal_error', 'the request could not be completed; it may be sent again'));
}
