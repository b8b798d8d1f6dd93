/** What a simulation does with the state of a group: computing and accepting targets, and checking it. */

import { assignors } from '../../../../core/group/assignors/index.ts';
import type { GroupState, PartitionKey, TopicRef } from '../../../../core/group/group-state.ts';
import { acceptTarget, assignorOf, type Target } from '../../../../core/group/target.ts';

/** As the router computes it; null if none is needed. All members subscribe to all topics. */
export function targetFor(
  group: GroupState,
  known: Record<string, TopicRef>,
  topologyVersion: number,
): Target | null {
  if (group.targetEpoch === group.epoch && group.topologyVersion === topologyVersion) return null;
  const topics = structuredClone(known);
  const names = Object.keys(topics);
  const result = assignors[assignorOf(group)]({
    members: Object.values(group.members).map(({ id, instanceId, target }) => ({
      id,
      orderKey: instanceId ?? id,
      topics: names,
      current: target,
    })),
    topics: names.map((name) => ({ name, partitions: topics[name]!.partitions })),
  });
  return { epoch: group.epoch, topologyVersion, topics, members: Object.fromEntries(result) };
}

/** Accepts a target, which must not stop anybody on what it keeps. @returns whether it was accepted */
export function acceptChecked(group: GroupState, target: Target): boolean {
  const before = structuredClone(group.members);
  if (acceptTarget(group, target) !== 'accepted') return false;
  for (const [id, { owned, target: old }] of Object.entries(before)) {
    const now = group.members[id]!;
    for (const key of old) {
      const was = owned[key];
      if (!was || was.revoked > 0 || !now.target.includes(key)) continue;
      const is = now.owned[key];
      if (is?.since !== was.since || is.revoked > 0)
        throw new Error(`${id} was stopped on ${key}, which it keeps`);
    }
  }
  return true;
}

/** No partition has two owners, also not one whose member is still to be fenced. */
export function checkOwners(group: GroupState): void {
  const owners = new Map<PartitionKey, string>();
  const take = (key: PartitionKey, who: string): void => {
    if (owners.has(key)) throw new Error(`${key} is owned by ${owners.get(key)} and ${who}`);
    owners.set(key, who);
  };
  for (const { id, owned } of Object.values(group.members)) for (const key in owned) take(key, id);
  for (const [id, { partitions }] of Object.entries(group.fencing))
    for (const key of partitions) take(key, id);
}
