/** Targets of a group: the input to compute one, and its acceptance. */

import { ASSIGNOR_DEFAULT, ASSIGNORS, type AssignorName } from '../../protocol/schemas/groups.ts';
import { subscriptionsOf, withFirstSight } from './first-sight.ts';
import {
  knownRef,
  partitionOf,
  type GroupState,
  type Member,
  type PartitionKey,
  type TopicRef,
  own,
} from './group-state.ts';

export interface Target {
  /** The epoch that it was computed for. */
  epoch: number;
  topologyVersion: number;
  /** All topics that some member subscribes to. */
  topics: Record<string, TopicRef>;
  members: Record<string, PartitionKey[]>;
}

/** The assignor that most members name, the first by name of several. */
export function assignorOf(state: GroupState): AssignorName {
  const votes = new Map<AssignorName, number>();
  for (const { assignor } of Object.values(state.members))
    votes.set(assignor, (votes.get(assignor) ?? 0) + 1);
  let best: AssignorName = ASSIGNOR_DEFAULT;
  for (const name of ASSIGNORS) if ((votes.get(name) ?? 0) > (votes.get(best) ?? 0)) best = name;
  return best;
}

/**
 * Accepts a target, if it was computed for the current epoch by a topology that is not older. If topics have changed
 * since the last target of this epoch, a new epoch begins. Otherwise only the version changes. A new epoch also begins if it
 * revokes anything: no two replies of one epoch may differ in that, because the later one may arrive first.
 */
export function acceptTarget(state: GroupState, target: Target): 'refused' | 'accepted' | 'unchanged' {
  if (target.epoch !== state.epoch || target.topologyVersion < state.topologyVersion) return 'refused';
  subscriptionsOf(state); // by the version of the target before
  state.topologyVersion = target.topologyVersion;
  const isRepeated = state.targetEpoch === state.epoch;
  if (isRepeated && sameTopics(state.topics, target.topics)) return 'unchanged';
  if (isRepeated || revokes(state, target)) state.epoch += 1;
  state.targetEpoch = state.epoch;
  changeTopics(state, target.topics);
  for (const member of Object.values(state.members))
    retarget(member, target.members[member.id] ?? [], state.epoch);
  return 'accepted';
}

/** Notes topics that a group without members is going to have offsets in. */
export function noteTopics(state: GroupState, topics: Record<string, TopicRef>): void {
  for (const [name, ref] of Object.entries(topics)) {
    const known = knownRef(state, name);
    if (known?.id === ref.id) continue;
    delete state.topics[name];
    state.formerTopics[name] = withFirstSight(state, name, ref, known);
  }
}

/** Whether a target computed by these topics would be about other partitions. */
export function sameTopics(a: Record<string, TopicRef>, b: Record<string, TopicRef>): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every(
      (name) => a[name]!.id === own(b, name)?.id && a[name]!.partitions === own(b, name)?.partitions,
    )
  );
}

function revokes(state: GroupState, target: Target): boolean {
  return Object.values(state.members).some(({ id, owned }) => {
    const wanted = new Set(own(target.members, id));
    return Object.keys(owned).some((key) => owned[key]!.revoked === 0 && !wanted.has(key));
  });
}

function retarget(member: Member, target: PartitionKey[], epoch: number): void {
  member.target = target;
  const wanted = new Set(target);
  for (const [key, ownership] of Object.entries(member.owned)) {
    if (wanted.has(key)) ownership.revoked = 0;
    else ownership.revoked ||= epoch;
  }
}

/**
 * Removes the partitions of deleted topics, because nothing is left to read, commit or hand over. This includes a topic
 * that was deleted and made again: a member may still hold partitions of the old one, and nobody owns partitions of the
 * new one.
 */
function changeTopics(state: GroupState, topics: Record<string, TopicRef>): void {
  const replaced = new Set<string>();
  const seen: Record<string, TopicRef> = {};
  for (const [name, ref] of Object.entries(topics)) {
    const known = own(state.topics, name) ?? own(state.formerTopics, name);
    if (known !== undefined && known.id !== ref.id) replaced.add(name);
    seen[name] = withFirstSight(state, name, ref, known);
  }
  for (const [name, ref] of Object.entries(state.topics))
    if (!own(topics, name)) state.formerTopics[name] = ref;
  for (const name in topics) delete state.formerTopics[name];
  state.topics = seen;
  if (replaced.size === 0) return;
  const isReplaced = (key: PartitionKey): boolean => replaced.has(partitionOf(key).topic);
  for (const { owned } of Object.values(state.members)) {
    for (const key of Object.keys(owned).filter(isReplaced)) delete owned[key];
  }
  for (const fencing of Object.values(state.fencing)) {
    fencing.partitions = fencing.partitions.filter((key) => !isReplaced(key));
  }
}
