/** Names, checked before they become part of a path: `..` would otherwise lead elsewhere. */

import {
  DEFAULT_EXCHANGE_PATH,
  isName,
  isWideName,
  NAME_RULE,
  WIDE_NAME_RULE,
} from '../../protocol/names/name-rule.ts';
import { invalidArgument } from '../errors.ts';

/** @param what says in the error what is named: `topic`, `namespace` */
export function checkName(what: string, name: string): string {
  if (typeof name === 'string' && isName(name)) return name;
  throw invalidArgument(`${what} ${JSON.stringify(name)}: expected ${NAME_RULE}`);
}

/** Of a queue, an exchange, a group or a transactional id. */
export function checkWideName(what: string, name: string): string {
  if (typeof name === 'string' && isWideName(name)) return name;
  throw invalidArgument(`${what} ${JSON.stringify(name)}: expected ${WIDE_NAME_RULE}`);
}

const widePart = (what: string, name: string): string => encodeURIComponent(checkWideName(what, name));

export function checkPartition(partition: number): number {
  if (Number.isSafeInteger(partition) && partition >= 0) return partition;
  throw invalidArgument(`partition is a whole number from 0, got ${String(partition)}`);
}

export const checkExchange = (exchange: string): string =>
  exchange === '' ? DEFAULT_EXCHANGE_PATH : checkWideName('exchange', exchange);

export const exchangePath = (exchange: string): string =>
  `/exchanges/${encodeURIComponent(checkExchange(exchange))}`;

export const queuePath = (queue: string): string => `/queues/${widePart('queue', queue)}`;

export const topicPath = (topic: string): string => `/topics/${checkName('topic', topic)}`;

export const partitionPath = (topic: string, partition: number): string =>
  `${topicPath(topic)}/partitions/${checkPartition(partition)}`;

export const groupPath = (group: string): string => `/groups/${widePart('group', group)}`;

export const memberPath = (group: string, memberId: string): string =>
  `${groupPath(group)}/members/${encodeURIComponent(memberId)}`;
