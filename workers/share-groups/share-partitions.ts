/** The partitions of a share group, and calling one of them with the definition of the group. */

import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { PartitionMethods } from '../../durable-objects/rpc/partition.ts';
import type { Stale } from '../../durable-objects/rpc/stale.ts';
import { isStaleGroup, type StaleGroup } from '../../durable-objects/rpc/share-groups.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { partitionsOfTopic, type TopicAndPartition } from '../groups/group-offsets.ts';
import { callPartition } from '../calls/partition-call.ts';
import { lookUpAll, lookUpTopic } from '../cache/topology-cache.ts';
import { lookUpShareGroup } from '../cache/known-share-groups.ts';

/** Of the topics that still exist. */
export async function sharePartitions(
  env: Env,
  { namespace, config: { topics } }: ShareGroupDefinition,
  atLeast: number,
): Promise<TopicAndPartition[]> {
  if (atLeast > 0) await Promise.all(topics.map((topic) => lookUpTopic(env, namespace, topic, atLeast)));
  const known = await lookUpAll(env, namespace, { queues: [], topics });
  return topics.flatMap((topic) => {
    const definition = known.topics.get(topic);
    return definition ? partitionsOfTopic(definition) : [];
  });
}

/**
 * Once more with a fresh definition if the partition says that it knows a newer one. Records belong to one topic: if it
 * was made again since, the call is refused with `inconsistent_topic_id`.
 */
export async function callShared<Result>(
  env: Env,
  group: ShareGroupDefinition,
  { topic, partition }: { topic: TopicDefinition; partition: number },
  call: (
    stub: DurableObjectStub<PartitionMethods>,
    version: number,
    group: ShareGroupDefinition,
  ) => Promise<Result | StaleGroup | Stale>,
): Promise<Result | Failure> {
  const callWith = (definition: ShareGroupDefinition): Promise<Result | StaleGroup | Failure> =>
    callPartition<Result | StaleGroup>(
      env,
      topic,
      partition,
      (stub, version) => call(stub, version, definition),
      { isPinned: true },
    );
  const first = await callWith(group);
  if (!isStaleGroup(first)) return first;
  const fresh = await lookUpShareGroup(env, group.namespace, group.name, Infinity);
  if (isFailure(fresh)) return fresh;
  const second = await callWith(fresh.group);
  if (!isStaleGroup(second)) return second;
  return failure('partition_unavailable', `share group "${group.name}" is being changed; try again`);
}
