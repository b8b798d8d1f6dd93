/**
 * Group configs: Kafka's names for the settings of a share group. Those of other kinds of groups, and those that say how Kafka works
 * inside, are taken and change nothing. A name that is in neither list is refused.
 */

import {
  LEASE_MS_MAX,
  LEASE_MS_MIN,
  SHARE_DELIVERY_LIMIT_DEFAULT,
  SHARE_DELIVERY_LIMIT_MAX,
  SHARE_LOCK_MS_DEFAULT,
} from '../../../protocol/limits.ts';
import { isName } from '../../../protocol/names/name-rule.ts';
import type { ShareGroupDeclaration } from '../../../sdk/admin/share-groups.ts';
import { asPosthornError } from '../../../sdk/errors.ts';
import type { BrokerClient } from '../broker/broker-client.ts';
import { kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';
import { TYPE, type GivenConfig } from '../topics/topic-configs.ts';

export interface DescribedGroupConfig {
  name: string;
  value: string;
  default: string;
  type: number;
}

/** As a group that Kafka's clients begin has them. */
const DEFAULTS: ShareGroupDeclaration = {
  topics: [],
  lockDurationMs: SHARE_LOCK_MS_DEFAULT,
  deliveryLimit: SHARE_DELIVERY_LIMIT_DEFAULT,
  start: 'latest',
};

interface Config {
  /** Null for a text that is no value of it. */
  read: (text: string) => Partial<ShareGroupDeclaration> | null;
  write: (group: ShareGroupDeclaration) => string;
  default: string;
  type: number;
}

const CONFIGS: Readonly<Record<string, Config>> = {
  'share.auto.offset.reset': {
    read: (text) => (text === 'earliest' || text === 'latest' ? { start: text } : null),
    write: ({ start = 'latest' }) => start,
    default: 'latest',
    type: TYPE.string,
  },
  'share.record.lock.duration.ms': {
    read: (text) => {
      const ms = intOf(text, LEASE_MS_MIN, LEASE_MS_MAX);
      return ms === null ? null : { lockDurationMs: ms };
    },
    write: ({ lockDurationMs }) => String(lockDurationMs),
    default: String(SHARE_LOCK_MS_DEFAULT),
    type: TYPE.int,
  },
  'share.delivery.count.limit': {
    read: (text) => {
      const limit = intOf(text, 1, SHARE_DELIVERY_LIMIT_MAX);
      return limit === null ? null : { deliveryLimit: limit };
    },
    write: ({ deliveryLimit }) => String(deliveryLimit),
    default: String(SHARE_DELIVERY_LIMIT_DEFAULT),
    type: TYPE.int,
  },
  'errors.deadletterqueue.topic.name': {
    read: (text) => {
      if (text === '') return { deadLetter: undefined as never };
      return isName(text) ? { deadLetter: { topic: text } } : null;
    },
    write: ({ deadLetter }) =>
      typeof deadLetter === 'object' && 'topic' in deadLetter ? deadLetter.topic : '',
    default: '',
    type: TYPE.string,
  },
};

const TAKEN =
  /^(share\.(session\.timeout\.ms|heartbeat\.interval\.ms|partition\.max\.record\.locks|isolation\.level|renew\.acknowledge\.enable|assignment\.interval\.ms|assignor\.offload\.enable)|(consumer|streams)\.[a-z.]+|errors\.deadletterqueue\.copy\.record\.enable)$/;

/** The settings of a group; those of a new one if it is not there. */
export async function groupConfigs(
  { shareGroups }: BrokerClient,
  group: string,
): Promise<DescribedGroupConfig[]> {
  const found = await shareGroups.describe(group).catch(nullIfMissing);
  return Object.entries(CONFIGS).map(([name, config]) => ({
    name,
    value: config.write(found ?? DEFAULTS),
    default: config.default,
    type: config.type,
  }));
}

/** Changes settings, and declares the group if it is not there: its members may come later. */
export async function changeGroupConfigs(
  { shareGroups }: BrokerClient,
  group: string,
  configs: readonly GivenConfig[],
  isDryRun: boolean,
): Promise<KafkaFailure | null> {
  let changes: Partial<ShareGroupDeclaration> = {};
  for (const { name, value } of configs) {
    const config = Object.hasOwn(CONFIGS, name) ? CONFIGS[name]! : null;
    if (config === null && TAKEN.test(name)) continue;
    const read = config?.read(value ?? config.default) ?? null;
    if (read === null)
      return kafkaFailure('INVALID_CONFIG', `${name}: no setting of a group, or no value of it`);
    changes = { ...changes, ...read };
  }
  if (isDryRun || Object.keys(changes).length === 0) return null;
  const found = await shareGroups.describe(group).catch(nullIfMissing);
  const { topics, lockDurationMs, deliveryLimit, deadLetter, start } = found ?? DEFAULTS;
  const before = { topics, lockDurationMs, deliveryLimit, start, ...(deadLetter && { deadLetter }) };
  await shareGroups.put(group, { ...(before as ShareGroupDeclaration), ...changes });
  return null;
}

function intOf(text: string, min: number, max: number): number | null {
  const value = Number(text);
  return /^\d{1,15}$/.test(text) && value >= min && value <= max ? value : null;
}

function nullIfMissing(error: unknown): null {
  if (asPosthornError(error).code === 'share_group_not_found') return null;
  throw error;
}
