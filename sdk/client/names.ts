/** Names, checked before they become part of a path: `..` would otherwise lead elsewhere. */

import { DEFAULT_EXCHANGE_PATH, isName, NAME_RULE } from '../../protocol/name-rule.ts';
import { invalidArgument } from '../errors.ts';

/** @param what says in the error what is named: `topic`, `namespace` */
export function checkName(what: string, name: string): string {
  if (typeof name === 'string' && isName(name)) return name;
  throw invalidArgument(`${what} ${JSON.stringify(name)}: expected ${NAME_RULE}`);
}

export function checkPartition(partition: number): number {
  if (Number.isSafeInteger(partition) && partition >= 0) return partition;
  throw invalidArgument(`partition is a whole number from 0, got ${String(partition)}`);
}

export const checkExchange = (exchange: string): string =>
  exchange === '' ? DEFAULT_EXCHANGE_PATH : checkName('exchange', exchange);

export const exchangePath = (exchange: string): string => `/exchanges/${checkExchange(exchange)}`;

export const queuePath = (queue: string): string => `/queues/${checkName('queue', queue)}`;

export const topicPath = (topic: string): string => `/topics/${checkName('topic', topic)}`;

export const partitionPath = (topic: string, partition: number): string =>
  `${topicPath(topic)}/partitions/${checkPartition(partition)}`;

export const groupPath = (group: string): string => `/groups/${checkName('group', group)}`;

export const memberPath = (group: string, memberId: string): string =>
  `${groupPath(group)}/members/${encodeURIComponent(memberId)}`;
