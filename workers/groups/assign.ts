/**
 * Assignment: the group names its members and its epoch, the router computes a target, and the group accepts it only
 * for that epoch. Any router that meets a group without a target computes one; of two only the first counts.
 */

import { assignors } from '../../core/group/assignors/index.ts';
import type { TopicRef } from '../../core/group/group-state.ts';
import { subscribedTopics, topicRef } from '../../core/group/subscriptions.ts';
import type { Target } from '../../core/group/target.ts';
import type { BeatRequest, MemberView, TargetInputs } from '../../durable-objects/rpc/group.ts';
import { callGroup } from '../../durable-objects/call-group.ts';
import type { Env } from '../../durable-objects/env.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { knownTopics, type KnownTopics } from '../cache/known-topics.ts';

/** After others have changed the group meanwhile. What is left then the next heartbeat does. */
const ATTEMPTS = 3;

export interface GroupPath {
  namespace: string;
  name: string;
}

/**
 * The view after the group has the target that its members and their topics ask for.
 * @param view what the group has just answered
 * @param beat the request that it answered
 * @param atLeast the topology version that the topics must not be older than
 */
export async function withTarget(
  env: Env,
  { namespace, name }: GroupPath,
  view: MemberView,
  beat: BeatRequest,
  atLeast: number,
): Promise<MemberView | Failure> {
  const known = await knownTopics(env, namespace, Math.max(atLeast, view.topologyVersion));
  if (!view.needsTarget && known.topologyVersion <= view.topologyVersion) return view;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const inputs = await callGroup(env, namespace, name, 'targetInputs');
    if (isFailure(inputs)) return inputs;
    const target = computeTarget(inputs, known);
    const accepted = await callGroup(env, namespace, name, 'acceptTarget', target, beat);
    if (accepted !== null) return accepted;
  }
  return view;
}

export function computeTarget(inputs: TargetInputs, { topics, topologyVersion }: KnownTopics): Target {
  const refs: Record<string, TopicRef> = {};
  const bySubscription = new Map<string, string[]>();
  const members = inputs.members.map(({ id, instanceId, topics: named, pattern, target }) => {
    const key = `${pattern} ${named.join(' ')}`;
    let names = bySubscription.get(key);
    if (!names) {
      const subscribed = subscribedTopics({ topics: named, pattern }, topics);
      for (const topic of subscribed) refs[topic.name] = topicRef(topic);
      names = subscribed.map(({ name }) => name);
      bySubscription.set(key, names);
    }
    return { id, orderKey: instanceId ?? id, topics: names, current: target };
  });
  const assignment = assignors[inputs.assignor]({
    members,
    topics: Object.entries(refs).map(([name, { partitions }]) => ({ name, partitions })),
  });
  return { epoch: inputs.epoch, topologyVersion, topics: refs, members: Object.fromEntries(assignment) };
}
