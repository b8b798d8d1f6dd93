/** Stubs: how each object is reached. */

import { queueObjectName, type QueueDefinition } from '../core/topology/queues/queues.ts';
import { scheduleObjectName, type ScheduleDefinition } from '../core/topology/schedules.ts';
import { subscriptionObjectName, type SubscriptionDefinition } from '../core/topology/subscriptions.ts';
import { partitionObjectName, type TopicAddress } from '../core/topology/topics.ts';
import type { Env } from './env.ts';
import type { DirectoryMethods } from './rpc/directory.ts';
import type { OverviewMethods } from './rpc/overview.ts';
import type { PartitionMethods } from './rpc/partition.ts';
import type { QueueMethods } from './rpc/queue.ts';
import type { ReplyMailboxMethods } from './rpc/reply-mailbox.ts';
import type { ScheduleMethods } from './rpc/schedule.ts';
import type { SubscriptionMethods } from './rpc/subscription.ts';
import type { TopologyFollowerMethods } from './rpc/topology-follower.ts';
import type { TopologyMethods } from './rpc/topology.ts';
import type { TransactionMethods } from './rpc/transaction.ts';

/** There is one in a deployment. */
export function directoryStub(env: Env): DurableObjectStub<DirectoryMethods> {
  return env.DIRECTORY.getByName('directory');
}

export function topologyStub(env: Env, namespace: string): DurableObjectStub<TopologyMethods> {
  return env.TOPOLOGY.getByName(namespace);
}

/** The follower that asks the topology. */
export function rootFollowerStub(env: Env, namespace: string): DurableObjectStub<TopologyFollowerMethods> {
  return env.TOPOLOGY_FOLLOWER.getByName(namespace);
}

/** A follower near the routers of a continent. Names of namespaces have no slash. */
export function leafFollowerStub(
  env: Env,
  namespace: string,
  continent: string,
  leaf: number,
): DurableObjectStub<TopologyFollowerMethods> {
  return env.TOPOLOGY_FOLLOWER.getByName(`${namespace}/${continent}/${leaf}`);
}

export function overviewStub(env: Env, namespace: string): DurableObjectStub<OverviewMethods> {
  return env.OVERVIEW.getByName(namespace);
}

/**
 * Throws where the runtime has no jurisdictions (a local one has not); topics that ask for one are refused there when
 * they are declared.
 */
export function partitionStub(
  env: Env,
  topic: TopicAddress,
  partition: number,
): DurableObjectStub<PartitionMethods> {
  const { jurisdiction, location_hint: locationHint } = topic.config;
  const objects = jurisdiction
    ? env.PARTITION.jurisdiction(jurisdiction as DurableObjectJurisdiction)
    : env.PARTITION;
  const id = objects.idFromName(partitionObjectName(topic, partition));
  return locationHint
    ? objects.get(id, { locationHint: locationHint as DurableObjectLocationHint })
    : objects.get(id);
}

/** Used by `callGroup` alone: a group takes HTTP requests, not RPC. */
export function groupStub(env: Env, namespace: string, group: string): DurableObjectStub {
  return env.GROUP.getByName(`${namespace}/${group}`);
}

export function queueStub(
  env: Env,
  queue: Pick<QueueDefinition, 'namespace' | 'name' | 'id'>,
): DurableObjectStub<QueueMethods> {
  return env.QUEUE.getByName(queueObjectName(queue));
}

export function scheduleStub(
  env: Env,
  schedule: Pick<ScheduleDefinition, 'namespace' | 'name' | 'id'>,
): DurableObjectStub<ScheduleMethods> {
  return env.SCHEDULE.getByName(scheduleObjectName(schedule));
}

export function subscriptionStub(
  env: Env,
  subscription: Pick<SubscriptionDefinition, 'namespace' | 'name' | 'id'>,
): DurableObjectStub<SubscriptionMethods> {
  return env.SUBSCRIPTION.getByName(subscriptionObjectName(subscription));
}

export function transactionStub(
  env: Env,
  namespace: string,
  transactionalId: string,
): DurableObjectStub<TransactionMethods> {
  return env.TRANSACTION.getByName(`${namespace}/${transactionalId}`);
}

/** Null where `id`, in hexadecimal, cannot be one of a mailbox. */
export function replyMailboxStub(env: Env, id: string): DurableObjectStub<ReplyMailboxMethods> | null {
  try {
    return env.REPLY_MAILBOX.get(env.REPLY_MAILBOX.idFromString(id));
  } catch {
    return null; // ids are signed: nobody can make one up
  }
}
