/**
 * Reply errors: turns an unsuccessful reply into an error, from the broker's problem document or from what a proxy sent
 * instead.
 */

import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { Reply } from './exchange.ts';
import { PosthornError, type PosthornErrorOptions } from '../../errors.ts';

/** The members of RFC 9457 and those of the broker. All other members are details. */
const KNOWN_MEMBERS = new Set(['type', 'title', 'status', 'detail', 'code', 'retryable']);

/** @param what the request, for the message */
export function errorOfReply(what: string, { status, headers, bytes }: Reply): PosthornError {
  const problem = problemIn(bytes);
  const options: PosthornErrorOptions = { status };
  const retryAfterMs = retryAfterMsOf(headers.get('retry-after'));
  if (retryAfterMs !== undefined) options.retryAfterMs = retryAfterMs;
  if (problem === null) {
    options.retryable = status >= 500 || status === 429 || status === 408;
    const said = new TextDecoder().decode(bytes.subarray(0, 200));
    return new PosthornError('unexpected_reply', `${what}: HTTP ${status} ${said}`.trim(), options);
  }
  return errorOf(problem, options);
}

/** The error of a problem document that came on a socket, where what is a header over HTTP is a member. */
export function errorOfProblem({ retry_after_s: pauseS, ...problem }: ProblemDocument): PosthornError {
  const options: PosthornErrorOptions = { status: problem.status };
  if (typeof pauseS === 'number') options.retryAfterMs = pauseS * 1000;
  return errorOf(problem as ProblemDocument, options);
}

export function isProblem(json: object): json is ProblemDocument {
  const { code, retryable } = json as Partial<ProblemDocument>;
  return typeof code === 'string' && typeof retryable === 'boolean';
}

function errorOf(problem: ProblemDocument, options: PosthornErrorOptions): PosthornError {
  const details = Object.fromEntries(Object.entries(problem).filter(([name]) => !KNOWN_MEMBERS.has(name)));
  return new PosthornError(problem.code, problem.detail, {
    ...options,
    retryable: problem.retryable,
    details,
  });
}

function problemIn(bytes: Uint8Array): ProblemDocument | null {
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes)) as object | null;
    if (json === null || !isProblem(json)) return null;
    return { ...json, detail: json.detail ?? json.title ?? json.code };
  } catch {
    return null;
  }
}

/** Seconds or a date (RFC 9110, 10.2.3). */
export function retryAfterMsOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  if (header.trim() !== '' && Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const dateMs = Date.parse(header);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - Date.now());
}
