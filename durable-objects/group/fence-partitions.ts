/** Fencing of partitions: tells them that a member is gone. From then on they refuse its commits. */

import { knownRef, type GroupState } from '../../core/group/group-state.ts';
import type { TopicPartition } from '../../protocol/schemas/groups.ts';
import { partitionStub } from '../stubs.ts';
import type { Env } from '../env.ts';

/** Partitions told at the same time. */
const FAN_OUT = 32;

/** @returns whether all partitions of existing topics have been told */
export async function tellPartitions(
  env: Env,
  group: GroupState,
  partitions: readonly TopicPartition[],
  epoch: number,
): Promise<boolean> {
  for (let first = 0; first < partitions.length; first += FAN_OUT) {
    const calls = partitions.slice(first, first + FAN_OUT).map(async ({ topic, partition }) => {
      const ref = knownRef(group, topic);
      if (!ref) return;
      const definition = {
        namespace: group.namespace,
        name: topic,
        id: ref.id,
        config: {
          jurisdiction: ref.jurisdiction as 'eu' | 'fedramp' | null,
          location_hint: ref.locationHint as 'weur' | null,
        },
      };
      await partitionStub(env, definition, partition).fenceGroup(group.name, epoch);
    });
    for (const result of await Promise.allSettled(calls)) {
      if (result.status === 'fulfilled') continue;
      console.error(
        `a partition could not be told that a member of group ${group.name} is gone`,
        result.reason,
      );
      return false;
    }
  }
  return true;
}
