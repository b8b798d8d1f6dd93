/**
 * Reply errors: turns an unsuccessful reply into an error, from the broker's problem document or from what a proxy sent
 * instead.
 */

import type { ErrorCode, ProblemDocument } from '../../protocol/errors.ts';
import { PosthornError, type PosthornErrorOptions } from '../errors.ts';

/** The members of RFC 9457 and those of the broker. All other members are details. */
const KNOWN_MEMBERS = new Set(['type', 'title', 'status', 'detail', 'code', 'retryable']);

/** @param what the request, for the message */
export function errorOfReply(what: string, response: Response, bytes: Uint8Array): PosthornError {
  const { status } = response;
  const problem = problemIn(bytes);
  const options: PosthornErrorOptions = { status };
  const retryAfterMs = retryAfterMsOf(response.headers.get('retry-after'));
  if (retryAfterMs !== undefined) options.retryAfterMs = retryAfterMs;
  if (problem === null) {
    options.retryable = status >= 500 || status === 429 || status === 408;
    const said = new TextDecoder().decode(bytes.subarray(0, 200));
    return new PosthornError('unexpected_reply', `${what}: HTTP ${status} ${said}`.trim(), options);
  }
  options.retryable = problem.retryable;
  options.details = Object.fromEntries(Object.entries(problem).filter(([name]) => !KNOWN_MEMBERS.has(name)));
  return new PosthornError(problem.code, problem.detail, options);
}

function problemIn(bytes: Uint8Array): ProblemDocument | null {
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes)) as Partial<ProblemDocument> | null;
    if (typeof json?.code !== 'string' || typeof json.retryable !== 'boolean') return null;
    return { detail: json.title ?? (json.code as ErrorCode), ...json } as ProblemDocument;
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
