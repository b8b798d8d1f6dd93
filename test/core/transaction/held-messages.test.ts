/** Whether a publish may join a transaction, as a table. */

import { expect, it } from 'vitest';
import { checkPublish, messageNumber } from '../../../core/transaction/held-messages.ts';
import { isFailure } from '../../../protocol/errors.ts';
import {
  TRANSACTION_MESSAGE_BYTES_MAX as BYTES,
  TRANSACTION_MESSAGES_MAX as MESSAGES,
} from '../../../protocol/limits.ts';

it.each<
  [
    messages: number,
    bytes: number,
    sequence: number,
    count: number,
    more: number,
    outcome: string,
    because: string,
  ]
>([
  [0, 0, 0, 1, 10, 'new', 'the first'],
  [5, 50, 5, 2, 20, 'new', 'it follows'],
  [5, 50, 3, 2, 20, 'duplicate', 'it is there'],
  [5, 50, 0, 5, 50, 'duplicate', 'as is the first'],
  [5, 50, 6, 1, 10, 'out_of_order_sequence', 'one is missing'],
  [MESSAGES - 1, 50, MESSAGES - 1, 1, 10, 'new', 'the last that there is room for'],
  [MESSAGES, 50, MESSAGES, 1, 10, 'transaction_too_large', 'one more'],
  [1, BYTES - 10, 1, 1, 10, 'new', 'the last bytes'],
  [1, BYTES - 10, 1, 1, 11, 'transaction_too_large', 'one more'],
])(
  '%i messages of %i bytes are held; the next from %i on, %i of %i bytes, is %s: %s',
  (messages, bytes, sequence, count, more, outcome) => {
    const checked = checkPublish({ messages, bytes }, sequence, count, more);
    expect(isFailure(checked) ? checked.code : checked).toBe(outcome);
  },
);

it('a message has a number that is higher in each transaction', () => {
  expect(messageNumber(0, 0)).toBe(0);
  expect(messageNumber(0, MESSAGES - 1)).toBeLessThan(messageNumber(1, 0));
});
