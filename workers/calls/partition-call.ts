/**
 * Partition call: calls a partition with the cached definition, and once more with a fresh one if the partition knows a
 * newer one. In between, the topology tells a partition its definition if necessary.
 *
 * A topic may be deleted and made again under its name meanwhile. A call that carries a position, or anything else that
 * belongs to one log, is *pinned*: it never reaches the log of another topic.
 */

import type { TopicDefinition } from '../../core/topology/topics.ts';
import { isStale, type Stale } from '../../durable-objects/rpc/stale.ts';
import type { PartitionMethods } from '../../durable-objects/rpc/partition.ts';
import { partitionStub, topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { PARTITIONS_MAX } from '../../protocol/limits.ts';
import { diskFailureOf } from '../http/disk-failure.ts';
import { replacedTopic } from '../cache/topic-identity.ts';
import { refreshTopic } from '../cache/topology-cache.ts';

/** @param topic the definition that the call is made with: a fresher one than was known, if that was out of date */
type Call<Result> = (
  stub: DurableObjectStub<PartitionMethods>,
  version: number,
  topic: TopicDefinition,
) => Promise<Result | Stale>;

export interface CallOptions {
  /** Refuse with `inconsistent_topic_id` rather than call a partition of another topic of the same name. */
  isPinned: boolean;
}

export async function callPartition<Result>(
  env: Env,
  topic: TopicDefinition,
  partition: number,
  call: Call<Result>,
  { isPinned }: CallOptions = { isPinned: false },
): Promise<Result | Failure> {
  const isReplaced = ({ id }: TopicDefinition): boolean => isPinned && id !== topic.id;
  try {
    const known = await topicWith(env, topic, [partition]);
    if (isFailure(known)) return known;
    if (isReplaced(known)) return replacedTopic(known, partition);
    const missing = checkPartition(known, partition);
    if (missing) return missing;
    const first = await call(partitionStub(env, known, partition), known.version, known);
    if (!isStale(first)) return first;
    const fresh = await refreshAndSettle(env, known);
    if (isFailure(fresh)) return fresh;
    if (isReplaced(fresh)) return replacedTopic(fresh, partition);
    const second = await call(partitionStub(env, fresh, partition), fresh.version, fresh);
    return isStale(second) ? unavailable(topic, partition) : second;
  } catch (error) {
    console.error(`partition ${partition} of topic ${topic.name} failed`, error);
    return diskFailureOf(error) ?? unavailable(topic, partition);
  }
}

/** The definition as it is now, after the topic's objects have been told of it. */
export async function refreshAndSettle(env: Env, topic: TopicDefinition): Promise<TopicDefinition | Failure> {
  const fresh = await refreshTopic(env, topic.namespace, topic.name);
  if (isFailure(fresh)) return fresh;
  await topologyStub(env, topic.namespace).propagateOne('topic', topic.name);
  return fresh.topic;
}

/** The topic as it is now if it is not known to have one of the partitions: another router may have added them. */
export async function topicWith(
  env: Env,
  topic: TopicDefinition,
  partitions: readonly number[],
): Promise<TopicDefinition | Failure> {
  const isUnknown = (partition: number): boolean =>
    partition < PARTITIONS_MAX && partition >= topic.config.partitions;
  if (!partitions.some(isUnknown)) return topic;
  const fresh = await refreshTopic(env, topic.namespace, topic.name);
  return isFailure(fresh) ? fresh : fresh.topic;
}

export function checkPartition(topic: TopicDefinition, partition: number): Failure | null {
  const { partitions } = topic.config;
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return null;
  return failure(
    'partition_not_found',
    `topic "${topic.name}" has no partition ${partition}; it has ${partitions}, numbered from 0 to ${partitions - 1}`,
    { partitions },
  );
}

function unavailable(topic: TopicDefinition, partition: number): Failure {
  return failure(
    'partition_unavailable',
    `partition ${partition} of topic "${topic.name}" did not answer; try again`,
  );
}
