/** The one place where a failure becomes an HTTP reply. */

import type { Context } from 'hono';
import { failure, problemOf, retryAfterOf, type Failure } from '../../protocol/errors.ts';
import { diskFailureOf } from './disk-failure.ts';
import { PROBLEM_TYPE } from '../../protocol/headers/media-types.ts';

export function problem(c: Context, cause: Failure): Response {
  const document = problemOf(cause);
  c.header('content-type', PROBLEM_TYPE);
  const retryAfterS = retryAfterOf(cause);
  if (retryAfterS !== null) c.header('retry-after', String(retryAfterS));
  return c.body(JSON.stringify(document), document.status as 400);
}

/** How long to wait before a request is sent again that an object has not answered, in s. */
const PAUSE_S = 1;
const OVERLOADED_PAUSE_S = 5;

/**
 * Turns a thrown error into a reply: an object did not answer (mostly the topology), or there is a bug. The log has the
 * details.
 */
export function unexpected(c: Context, error: unknown): Response {
  console.error(`${c.req.method} ${c.req.path} failed`, error);
  const isDisk = diskFailureOf(error);
  if (isDisk) return problem(c, isDisk);
  if (!comesFromObject(error)) {
    return problem(c, failure('internal_error', 'the request could not be completed; it may be sent again'));
  }
  const isOverloaded = error.overloaded === true;
  const what = isOverloaded ? 'has more to do than it can' : 'did not answer';
  return problem(
    c,
    failure('unavailable', `a part of the broker ${what}; the request may be sent again`, {
      retry_after_s: isOverloaded ? OVERLOADED_PAUSE_S : PAUSE_S,
    }),
  );
}

/** How the platform marks errors of calls to objects. */
interface ObjectError {
  /** Lost on the way, or the object was being moved. */
  retryable?: boolean;
  overloaded?: boolean;
  durableObjectReset?: boolean;
  /** Thrown by the object itself, as when its storage fails. */
  remote?: boolean;
}

function comesFromObject(error: unknown): error is ObjectError {
  if (typeof error !== 'object' || error === null) return false;
  const { retryable, overloaded, durableObjectReset, remote } = error as ObjectError;
  return [retryable, overloaded, durableObjectReset, remote].includes(true);
}
