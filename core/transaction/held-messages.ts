/**
 * Messages that a transaction holds until it is committed. Where each goes is decided when it is published, so that what is
 * sent after the commit is the same however often it is sent.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { TRANSACTION_MESSAGE_BYTES_MAX, TRANSACTION_MESSAGES_MAX } from '../../protocol/limits.ts';

/** What the open transaction holds. */
export interface Held {
  messages: number;
  bytes: number;
}

/**
 * Whether the next publish may be added.
 * @param sequence how many messages of the transaction its producer has published before
 * @returns 'duplicate' if it is there already
 */
export function checkPublish(
  held: Held,
  sequence: number,
  count: number,
  bytes: number,
): 'new' | 'duplicate' | Failure {
  if (sequence < held.messages) return 'duplicate';
  if (sequence > held.messages) {
    return failure(
      'out_of_order_sequence',
      `sequence ${sequence} of the messages of the transaction: expected ${held.messages}`,
      { expected_sequence: held.messages },
    );
  }
  if (
    held.messages + count <= TRANSACTION_MESSAGES_MAX &&
    held.bytes + bytes <= TRANSACTION_MESSAGE_BYTES_MAX
  ) {
    return 'new';
  }
  return failure(
    'transaction_too_large',
    `a transaction may hold ${TRANSACTION_MESSAGES_MAX} messages and ${TRANSACTION_MESSAGE_BYTES_MAX} bytes of them`,
    { messages_max: TRANSACTION_MESSAGES_MAX, bytes_max: TRANSACTION_MESSAGE_BYTES_MAX },
  );
}

/**
 * The number that a destination knows a message of a transaction by: higher in each transaction of the producer.
 * @param index among those that go to this destination
 */
export function messageNumber(epoch: number, index: number): number {
  return epoch * TRANSACTION_MESSAGES_MAX + index;
}
