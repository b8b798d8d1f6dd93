/**
 * Where `latest` is: when a group sees a topic for the first time its partitions note where they end, before anybody is told
 * of it. Whatever comes from then on is read, however late the first read is. What fails the next heartbeat repeats.
 */

import type { UnsettledTopic } from '../../core/group/first-sight.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import { callGroup } from '../../durable-objects/group/group-calls.ts';
import type { Env } from '../../durable-objects/stubs.ts';
import { isFailure } from '../../protocol/errors.ts';
import { partitionsOfTopic } from '../group/group-offsets.ts';
import { inBatches } from '../group/in-batches.ts';
import { callPartition } from '../partition-call.ts';
import type { GroupPath } from './assign.ts';

export async function settleTopics(
  env: Env,
  { namespace, name: group }: GroupPath,
  unsettled: readonly UnsettledTopic[],
  known: readonly TopicDefinition[],
): Promise<void> {
  const topics = known.filter((topic) => unsettled.some(({ id }) => id === topic.id));
  const partitions = topics
    .flatMap(partitionsOfTopic)
    .filter(({ topic, partition }) => unsettled.some(({ id, below }) => id === topic.id && partition < below));
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
    'noteSettled',
    topics.map(({ name, id }) => ({ name, id })),
  );
}
