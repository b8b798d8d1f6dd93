/**
 * Resolve topics: fixes `latest`. When a group first sees a topic, its partitions note their ends before any member
 * learns of the topic. So later records are read, however late the first read is. The next heartbeat repeats what
 * fails.
 */

import type { MemberView } from '../../durable-objects/rpc/group.ts';
import { callGroup } from '../../durable-objects/call-group.ts';
import type { Env } from '../../durable-objects/env.ts';
import { isFailure } from '../../protocol/errors.ts';
import { partitionsOfTopic } from './group-offsets.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { knownTopics } from '../cache/known-topics.ts';
import { callPartition } from '../calls/partition-call.ts';
import type { GroupPath } from './assign.ts';

export async function settleTopics(
  env: Env,
  { namespace, name: group }: GroupPath,
  { unbegun, topologyVersion }: MemberView,
): Promise<void> {
  if (unbegun.length === 0) return;
  const known = await knownTopics(env, namespace, topologyVersion);
  const topics = known.topics.filter((topic) => unbegun.some(({ id }) => id === topic.id));
  const partitions = topics
    .flatMap(partitionsOfTopic)
    .filter(({ topic, partition }) => unbegun.some(({ id, below }) => id === topic.id && partition < below));
  const begun = await inBatches(partitions, ({ topic, partition }) =>
    callPartition<{ begun: true }>(
      env,
      topic,
      partition,
      async (stub, version) => await stub.beginGroup(version, group),
      { isPinned: true },
    ),
  );
  if (begun.some((result) => isFailure(result))) return;
  await callGroup(
    env,
    namespace,
    group,
    'noteBegun',
    topics.map(({ name, id }) => ({ name, id })),
  );
}
