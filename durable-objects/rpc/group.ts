/** Methods of a group that others call, and what goes in and out of them. */

import type { UnbegunTopic } from '../../core/group/first-sight.ts';
import type { ClassicJoin, ClassicSync, Joined, MemberClaim, Synced } from '../../core/group/classic/step.ts';
import type { ConsumerBeat } from '../../core/group/consumer/heartbeat.ts';
import type { JoinRequest } from '../../core/group/membership.ts';
import type { GroupState, Member, TopicRef } from '../../core/group/group-state.ts';
import type { Target } from '../../core/group/target.ts';
import type { Failure } from '../../protocol/errors.ts';
import type { AssignorName, TopicPartition } from '../../protocol/schemas/groups.ts';

export interface OwnedPartition extends TopicPartition {
  /** The topic that it is a partition of: one that is made again under the name is another. */
  topicId: number;
  /** The epoch in which the member began to own it. */
  since: number;
  /** Where to begin, where the group has committed nothing. */
  reset: 'earliest' | 'latest';
}

/** A partition that a member holds or names, and perhaps the topic that it means by the name. */
export interface HeldPartition extends TopicPartition {
  topicId?: number | undefined;
}

/** What a member is told, and what the router has to know. */
export interface MemberView {
  memberId: string;
  epoch: number;
  assignment: OwnedPartition[];
  heartbeatIntervalMs: number;
  /** Topics of the member whose partitions have yet to note where `latest` is. */
  unbegun: UnbegunTopic[];
  /** The members or their topics have changed: a target has to be computed. */
  needsTarget: boolean;
  /** The topology that the target was computed by: where there is a newer one, it may have to be computed again. */
  topologyVersion: number;
}

/** What a target is computed from. */
export interface TargetInputs {
  epoch: number;
  assignor: AssignorName;
  members: Pick<Member, 'id' | 'instanceId' | 'topics' | 'pattern' | 'target'>[];
}

export interface GroupDescription {
  state: GroupState;
  isStable: boolean;
  assignor: AssignorName;
  meter: { rowsWritten: number; calls: number; since: number };
}

export interface BeatRequest {
  memberId: string;
  epoch: number | null;
  held: HeldPartition[] | 'assigned' | 'unsaid';
  /** A read: refused where the member does not know yet that a partition was revoked. */
  isFetch: boolean;
}

/** What a member of a classic group asks for. */
export type ClassicRequest =
  | ({ action: 'join' } & ClassicJoin)
  | ({ action: 'sync' } & ClassicSync)
  | ({ action: 'heartbeat' } & MemberClaim)
  | { action: 'leave'; members: { memberId: string; instanceId: string | null }[] };

/** What a member of Kafka's newer protocol says. */
export type ConsumerRequest = Omit<ConsumerBeat, 'held'> & { held: HeldPartition[] | null };

export interface ClassicAnswer {
  joined?: Joined;
  synced?: Synced;
  /** Of each member that was to leave: its id, or why not. */
  left?: (string | Failure)[];
}

/** The methods of a group that can be called. */
export interface GroupMethods {
  /** A group that does not exist is made by it. */
  join(namespace: string, group: string, request: JoinRequest): MemberView | Failure;
  heartbeat(beat: BeatRequest): MemberView | Failure;
  leave(memberId: string): { memberId: string } | Failure;
  targetInputs(): TargetInputs;
  /**
   * Null where the target was computed for what is not so any more.
   * @param beat the request that made the router compute it: answered with what the target gives to its member
   */
  acceptTarget(target: Target, beat: BeatRequest): MemberView | Failure | null;
  /** Epochs since when the member has owned the partitions; null where it does not. */
  ownerships(
    memberId: string,
    epoch: number,
    partitions: TopicPartition[],
  ): { owned: ({ since: number; topicId: number } | null)[] } | Failure;
  /** The partitions of these topics have noted where they ended when the group first saw them. */
  noteBegun(topics: Pick<UnbegunTopic, 'name' | 'id'>[]): { begun: true };
  /** A join makes a group that does not exist. */
  consumer(
    namespace: string,
    group: string,
    request: ConsumerRequest,
  ): MemberView | { left: string } | Failure;
  /** Answers a join when the rebalance has ended, and a sync when the leader has assigned. A join makes a group that does not exist. */
  classic(namespace: string, group: string, request: ClassicRequest): ClassicAnswer | Failure;
  /**
   * Admits commits to partitions of these topics: by a member of a classic group, or by nobody (null) if the group has no members, or by
   * anybody, also if it is a classic one and has members.
   * `mayMake`: if no member is named, that makes a group that does not exist. If not, its epoch is 0.
   * `isAssigned`: the broker assigns partitions to the member, so the partitions know it.
   */
  admitCommit(
    namespace: string,
    group: string,
    claim: MemberClaim | 'anybody' | null,
    topics: Record<string, TopicRef>,
    mayMake: boolean,
  ): { epoch: number; isAssigned?: true } | Failure;
  describe(): GroupDescription | Failure;
  /**
   * Makes a new epoch of a group without members: what it had before cannot commit any more.
   */
  beginChange(): { epoch: number; state: GroupState } | Failure;
  /**
   * The same, for offsets that are going to be set in partitions of these topics. A group that does not exist is made by it.
   */
  beginReset(
    namespace: string,
    group: string,
    topics: Record<string, TopicRef>,
    isDryRun: boolean,
  ): { epoch: number } | Failure;
  deleteGroup(epoch: number): { deleted: true } | Failure;
  /** Deletes everything, members or not, because the namespace is deleted. */
  erase(): { erased: true };
  /** Runs what is due. */
  tick(): { isEmpty: boolean };
}
