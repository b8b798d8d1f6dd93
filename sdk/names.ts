/**
 * Names, checked before they become part of a path: `..` would otherwise lead elsewhere. The rule is that of
 * `protocol/names.ts`; importing it would bring its schema library, forty times the size of this SDK.
 */

import type { DEFAULT_EXCHANGE_PATH as DefaultExchangePath } from '../protocol/exchanges.ts';
import { NAME_LENGTH_MAX } from '../protocol/limits.ts';
import { invalidArgument } from './errors.ts';

const NAME_PATTERN = new RegExp(`^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`);

/** @param what says in the error what is named: `topic`, `namespace` */
export function checkName(what: string, name: string): string {
  if (typeof name === 'string' && NAME_PATTERN.test(name)) return name;
  throw invalidArgument(
    `${what} ${JSON.stringify(name)}: expected 1 to ${NAME_LENGTH_MAX} of the characters A-Z a-z 0-9 . _ -, but not "." or ".."`,
  );
}

export function checkPartition(partition: number): number {
  if (Number.isSafeInteger(partition) && partition >= 0) return partition;
  throw invalidArgument(`partition is a whole number from 0, got ${String(partition)}`);
}

/** The default exchange, whose name is empty, is written so in a path. RabbitMQ's convention. */
const DEFAULT_EXCHANGE: typeof DefaultExchangePath = 'amq.default';

export const checkExchange = (exchange: string): string =>
  exchange === '' ? DEFAULT_EXCHANGE : checkName('exchange', exchange);

export const exchangePath = (exchange: string): string => `/exchanges/${checkExchange(exchange)}`;

export const queuePath = (queue: string): string => `/queues/${checkName('queue', queue)}`;
