/** Broker errors: results of calls, and the SDK's errors as AMQP's. */

import type { PosthornErrorCode } from '../../sdk/errors.ts';
import { asPosthornError } from '../../sdk/errors.ts';
import type { Done, PublishOutcome } from '../../wire/amqp/broker-port.ts';
import { portError, type PortError, type ReplyName } from '../../wire/amqp/reply-codes.ts';

const REPLIES: Partial<Record<PosthornErrorCode, ReplyName>> = {
  queue_not_found: 'not-found',
  exchange_not_found: 'not-found',
  binding_not_found: 'not-found',
  topic_not_found: 'not-found',
  namespace_not_found: 'not-allowed',
  unauthenticated: 'access-refused',
  forbidden: 'access-refused',
  exchange_reserved: 'access-refused',
  exchange_internal: 'access-refused',
  namespace_reserved: 'access-refused',
};

/**
 * The error of a call. What the table does not name closes the channel too, and not the connection: other channels may go on, and
 * the client can try again.
 */
export function portErrorOf(cause: unknown): PortError {
  const { code, message } = asPosthornError(cause);
  return portError(REPLIES[code] ?? 'precondition-failed', `${message} (${code})`);
}

/** Runs a call and hands on its result, or its error as AMQP's. */
export function answer<Value>(done: Done<Value>, run: () => Promise<Value | PortError>): void {
  run().then(done, (error: unknown) => done(portErrorOf(error)));
}

/** A handler of errors that returns a value for one code and throws the others. */
export function unless<Value>(code: string, value: Value): (error: unknown) => Value {
  return (error) => {
    if (asPosthornError(error).code === code) return value;
    throw error;
  };
}

/** A lost publisher or broker: the message may be sent again. */
const REFUSALS = new Set(['timeout', 'aborted', 'closed', 'connection_failed']);

/** What a publish that failed has come to. */
export function outcomeOf(error: unknown): PublishOutcome | PortError {
  const { code, retryable } = asPosthornError(error);
  if (code === 'unroutable' || code === 'queue_not_found') return 'unroutable';
  if (code === 'queue_full') return 'rejected';
  return retryable || REFUSALS.has(code) ? 'refused' : portErrorOf(error);
}
