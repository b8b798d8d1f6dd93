/** The bindings of the worker, and how its objects are reached. */

import { queueObjectName, type QueueDefinition } from '../core/topology/queues.ts';
import { scheduleObjectName, type ScheduleDefinition } from '../core/topology/schedules.ts';
import { partitionObjectName, type TopicAddress } from '../core/topology/topics.ts';
import type { Partition } from './partition/partition.ts';
import type { Queue } from './queue/queue.ts';
import type { ReplyMailbox } from './reply/reply-mailbox.ts';
import type { Schedule } from './schedule/schedule.ts';
import type { Topology } from './topology/topology.ts';
import type { Transaction } from './transaction/transaction.ts';

export interface Env {
  GROUP: DurableObjectNamespace;
  PARTITION: DurableObjectNamespace<Partition>;
  QUEUE: DurableObjectNamespace<Queue>;
  REPLY_MAILBOX: DurableObjectNamespace<ReplyMailbox>;
  SCHEDULE: DurableObjectNamespace<Schedule>;
  TOPOLOGY: DurableObjectNamespace<Topology>;
  TRANSACTION: DurableObjectNamespace<Transaction>;
  /** Names with commas between them. Default: `default`. */
  POSTHORN_NAMESPACES?: string;
  /** How old the bindings may be that a publish is routed by, in ms. Default 1000; 0: they are checked each time. */
  POSTHORN_ROUTING_MAX_AGE_MS?: string;
  /** Bytes of request bodies that one isolate holds at once. Default 33554432. */
  POSTHORN_BODY_BYTES_MAX?: string;
  /** Bytes that a queue or partition may hold before it refuses more. Default 9500000000. */
  POSTHORN_OBJECT_BYTES_MAX?: string;
  /** `public`, the default: webhooks go to public https addresses only. `any`: anywhere, for a broker of one's own machine. */
  POSTHORN_WEBHOOK_TARGETS?: string;
}

export function topologyStub(env: Env, namespace: string): DurableObjectStub<Topology> {
  return env.TOPOLOGY.getByName(namespace);
}

/**
 * Throws if the runtime has no jurisdictions (a local one has not); topics that ask for one are refused there when
 * they are declared.
 */
export function partitionStub(
  env: Env,
  topic: TopicAddress,
  partition: number,
): DurableObjectStub<Partition> {
  const { jurisdiction, location_hint: locationHint } = topic.config;
  const objects = jurisdiction
    ? env.PARTITION.jurisdiction(jurisdiction as DurableObjectJurisdiction)
    : env.PARTITION;
  const id = objects.idFromName(partitionObjectName(topic, partition));
  return locationHint
    ? objects.get(id, { locationHint: locationHint as DurableObjectLocationHint })
    : objects.get(id);
}

/** Called by callGroup of group/group-calls.ts: it speaks itty-durable's way, not RPC. */
export function groupStub(env: Env, namespace: string, group: string): DurableObjectStub {
  return env.GROUP.getByName(`${namespace}/${group}`);
}

export function queueStub(
  env: Env,
  queue: Pick<QueueDefinition, 'namespace' | 'name' | 'id'>,
): DurableObjectStub<Queue> {
  return env.QUEUE.getByName(queueObjectName(queue));
}

export function scheduleStub(
  env: Env,
  schedule: Pick<ScheduleDefinition, 'namespace' | 'name' | 'id'>,
): DurableObjectStub<Schedule> {
  return env.SCHEDULE.getByName(scheduleObjectName(schedule));
}

export function transactionStub(
  env: Env,
  namespace: string,
  transactionalId: string,
): DurableObjectStub<Transaction> {
  return env.TRANSACTION.getByName(`${namespace}/${transactionalId}`);
}

/** Null if `id`, in hexadecimal, cannot be one of a mailbox. */
export function replyMailboxStub(env: Env, id: string): DurableObjectStub<ReplyMailbox> | null {
  try {
    return env.REPLY_MAILBOX.get(env.REPLY_MAILBOX.idFromString(id));
  } catch {
    return null; // ids are signed: nobody can make one up
  }
}
