/** `PosthornError`: the one error class of the SDK, and its codes. */

import type { ErrorCode } from '../protocol/errors.ts';

/**
 * Failures on the client's side:
 *
 * - `invalid_argument`: a value was refused before anything was sent
 * - `connection_failed`: no reply came; the request may or may not have been carried out
 * - `unexpected_reply`: a reply came that is not Posthorn's, for example from a proxy
 * - `timeout`: no reply in time, or the delivery timeout of a record ran out; `cause` is the last failure
 * - `aborted`: your AbortSignal fired; `cause` is its reason
 * - `closed`: the producer, publisher or consumer was closed
 * - `unroutable`: the message was mandatory, and no binding took it
 * - `request_failed`: whoever took the request could not serve it; `details` has the `type` and `message` of its error
 * - `handler_failed`: the handler of a group's consumer failed after its last retry, and there is no dead letter; `cause` is
 *   its error, `details` has `topic`, `partition`, `offset`, `attempts`
 * - `settlement_refused`: the delivery was not the consumer's any more, and nothing has changed; `details.outcome` says
 *   why, for example `lease_expired`
 * - `message_in_progress`: `once` found that another run handles the message now
 * - `lease_lost`: the run of `once` took longer than its lease, and another has begun
 * - `body_differs`: the object of a large body is not the one that its message refers to
 * - `store_unavailable`: the store of `once` did not answer as it should
 */
export type ClientErrorCode =
  | 'invalid_argument'
  | 'connection_failed'
  | 'unexpected_reply'
  | 'timeout'
  | 'aborted'
  | 'closed'
  | 'unroutable'
  | 'request_failed'
  | 'handler_failed'
  | 'settlement_refused'
  | 'message_in_progress'
  | 'lease_lost'
  | 'body_differs'
  | 'store_unavailable';

/** Codes of the broker (the table in `protocol/errors.ts`) and of the client. */
export type PosthornErrorCode = ErrorCode | ClientErrorCode;

export interface PosthornErrorOptions {
  /** True if the same call may succeed when it is repeated. */
  retryable?: boolean;
  /** HTTP status, if a reply came. */
  status?: number;
  /** Further members of the problem document, such as `log_start_offset`, with their names on the wire. */
  details?: Readonly<Record<string, unknown>>;
  /** How long the broker asked to wait, in ms (`Retry-After`). */
  retryAfterMs?: number;
  cause?: unknown;
}

/**
 * Everything that the SDK throws.
 *
 * @example
 * try {
 *   await posthorn.topics.get('orders');
 * } catch (error) {
 *   if (error instanceof PosthornError && error.code === 'topic_not_found') ...
 * }
 */
export class PosthornError extends Error {
  override readonly name = 'PosthornError';
  readonly code: PosthornErrorCode;
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | undefined;

  constructor(code: PosthornErrorCode, message: string, options: PosthornErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.status = options.status;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

export function invalidArgument(message: string): PosthornError {
  return new PosthornError('invalid_argument', message);
}

export function abortedBy(signal: AbortSignal): PosthornError {
  return new PosthornError('aborted', 'the AbortSignal fired', { cause: signal.reason });
}

export function asPosthornError(error: unknown): PosthornError {
  if (error instanceof PosthornError) return error;
  return new PosthornError('connection_failed', messageOf(error), { retryable: true, cause: error });
}

/**
 * Node's fetch reports only "fetch failed"; the reason is in the cause. If several addresses of a host fail, Node has no message
 * but a code.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const detail = cause instanceof Error ? wordsOf(cause) : undefined;
  return detail ? `${wordsOf(error)}: ${detail}` : wordsOf(error);
}

function wordsOf(error: Error & { code?: string }): string {
  return error.message || (error.code ?? error.name);
}
