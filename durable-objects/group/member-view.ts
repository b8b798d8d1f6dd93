/** Member view: what a group tells a member and its router, and which of the partitions that a member names are meant. */

import { unbegunTopics, resetOf } from '../../core/group/first-sight.ts';
import {
  assignmentOf,
  keyOf,
  knownRef,
  refOf,
  type GroupState,
  type Member,
} from '../../core/group/group-state.ts';
import type { Beat } from '../../core/group/membership.ts';
import { HEARTBEAT_INTERVAL_MS_MAX } from '../../protocol/limits.ts';
import type { BeatRequest, HeldPartition, MemberView } from '../rpc/group.ts';

export function viewOf(group: GroupState, member: Member): MemberView {
  return {
    memberId: member.id,
    epoch: group.epoch,
    assignment: assignmentOf(member).map((partition) => {
      const ref = refOf(group, partition.topic);
      const { since } = member.owned[keyOf(partition)]!;
      return { ...partition, topicId: ref.id, since, reset: resetOf(member, ref, partition.partition) };
    }),
    heartbeatIntervalMs: Math.min(HEARTBEAT_INTERVAL_MS_MAX, Math.floor(member.sessionTimeoutMs / 3)),
    unbegun: unbegunTopics(group, member),
    needsTarget: group.targetEpoch < group.epoch,
    topologyVersion: group.topologyVersion,
  };
}

/** Partitions of a deleted topic are not partitions of a new topic with its name. */
export function heldNow(group: GroupState, held: BeatRequest['held']): Beat['held'] {
  return typeof held === 'string' ? held : partitionsNow(group, held);
}

export function partitionsNow(group: GroupState, held: readonly HeldPartition[]): HeldPartition[] {
  return held.filter(({ topic, topicId }) => topicId === undefined || topicId === knownRef(group, topic)?.id);
}
