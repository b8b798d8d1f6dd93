/** Transaction: what waits in memory for a commit is bounded, in a channel and in all of a connection. */

import { expect, it } from 'vitest';
import type { PublishedMessage } from '../../../../wire/amqp/broker-port.ts';
import { Transaction } from '../../../../wire/amqp/channel/transaction.ts';
import { Backlog } from '../../../../wire/amqp/connection/backlog.ts';

const MIB = 1024 * 1024;
const body = new Uint8Array(MIB);
const message = { body, rawProperties: new Uint8Array() } as unknown as PublishedMessage;

it('transactions of one connection share what they may hold, and give it back', () => {
  const backlog = new Backlog();
  const begin = (): Transaction => new Transaction((bytes) => backlog.gather(bytes));
  const fill = (transaction: Transaction): number => {
    for (let count = 0; ; count++) if (transaction.publish(message) !== null) return count;
  };
  const [first, second, third] = [begin(), begin(), begin()];
  expect([fill(first), fill(second), fill(third)]).toEqual([64, 64, 0]);
  expect(third.publish(message)?.reply).toBe('precondition-failed');
  expect(first.takePublishes()).toHaveLength(64);
  expect(fill(third)).toBe(64);
});
