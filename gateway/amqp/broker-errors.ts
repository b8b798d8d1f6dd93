/** Broker errors: the SDK's errors as AMQP's. */

import type { PosthornErrorCode } from '../../sdk/errors.ts';
import { asPosthornError } from '../../sdk/errors.ts';
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
