/** Reset of a share group: sets where it goes on in partitions of a topic. */

import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { Env } from '../../durable-objects/env.ts';
import type { ShareResetOutcome } from '../../durable-objects/rpc/share-groups.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { ResetReply } from '../../protocol/schemas/groups.ts';
import type { ResetShareFields } from '../../protocol/schemas/share-groups.ts';
import { resetPosition } from '../groups/reset-position.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { callShared, sharePartitions } from './share-partitions.ts';

export async function resetShareGroup(
  env: Env,
  group: ShareGroupDefinition,
  atLeast: number,
  { topic, topic_id: topicId, partitions, to, dry_run: isDryRun }: ResetShareFields,
): Promise<ResetReply | Failure> {
  const all = (await sharePartitions(env, group, atLeast)).filter((place) => place.topic.name === topic);
  const numbers = [...new Set(partitions ?? all.map(({ partition }) => partition))];
  const places = numbers.map((number) => all.find(({ partition }) => partition === number));
  if (all.length === 0 || places.includes(undefined)) {
    return failure('partition_not_found', `share group "${group.name}" does not read all of these`);
  }
  if (topicId !== undefined && all[0]!.topic.id !== topicId) {
    return failure('inconsistent_topic_id', `topic "${topic}" was deleted and made again`);
  }
  const results = await inBatches(places, async (place) => {
    const reset = { to: resetPosition(to), isDryRun };
    const result = await callShared<ShareResetOutcome>(
      env,
      group,
      place!,
      async (stub, version, current) => await stub.resetShared(version, { group: current, ...reset }),
    );
    if (isFailure(result)) return result;
    return { topic, topic_id: place!.topic.id, partition: place!.partition, ...result };
  });
  const failed = results.find((result) => isFailure(result));
  return failed ?? { dry_run: isDryRun, offsets: results as ResetReply['offsets'] };
}
