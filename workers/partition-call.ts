/**
 * Calling a partition: with the definition that is known, and once more with a fresh one where the partition says that
 * it knows better. A partition that has not been told of its topic yet is told in between.
 */

import type { TopicDefinition } from '../core/topology/topics.ts';
import { isStale, type Stale } from '../durable-objects/partition/partition-calls.ts';
import type { Partition } from '../durable-objects/partition/partition.ts';
import { partitionStub, topologyStub, type Env } from '../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../protocol/errors.ts';
import { refreshTopic } from './topology-cache.ts';

type Call<Result> = (stub: DurableObjectStub<Partition>, version: number) => Promise<Result | Stale>;

export async function callPartition<Result>(
  env: Env,
  topic: TopicDefinition,
  partition: number,
  call: Call<Result>,
): Promise<Result | Failure> {
  const missing = checkPartition(topic, partition);
  if (missing) return missing;
  try {
    const first = await call(partitionStub(env, topic, partition), topic.version);
    if (!isStale(first)) return first;
    const fresh = await refreshAndSettle(env, topic);
    if (isFailure(fresh)) return fresh;
    const second = await call(partitionStub(env, fresh, partition), fresh.version);
    return isStale(second) ? unavailable(topic, partition) : second;
  } catch (error) {
    console.error(`partition ${partition} of topic ${topic.name} failed`, error);
    return unavailable(topic, partition);
  }
}

/** The definition as it is now, after the topic's objects have been told of it. */
export async function refreshAndSettle(env: Env, topic: TopicDefinition): Promise<TopicDefinition | Failure> {
  const fresh = await refreshTopic(env, topic.namespace, topic.name);
  if (isFailure(fresh)) return fresh;
  await topologyStub(env, topic.namespace).settle();
  return fresh.topic;
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
