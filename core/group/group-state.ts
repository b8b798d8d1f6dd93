/**
 * Group state: the members, the owner of each partition, and the target owner.
 *
 * The *target* says which member is to own each partition; the router computes it for an epoch. A member *owns* a
 * partition from the reply that assigns it until the member has given it up or was fenced. The two differ while
 * partitions change hands:
 *
 *   free       nobody owns it. It is given to the member of its target, with that member's next heartbeat
 *   owned      its member reads and commits
 *   revoked    owned, but its target is another member (or none): its member has been told, or will be, and has not
 *              confirmed yet. It may still commit
 *   fencing    its member is gone; the partition itself has not been told yet that this member may not commit any more
 *
 * A revoked partition becomes free when a heartbeat shows an epoch of the revocation and does not name the partition. A
 * fencing partition becomes free when it has been told. So a partition never has two owners, and a member whose
 * partitions stay never has to stop.
 *
 * A change of membership, subscriptions or topics makes the next epoch. Every ownership has the epoch in which it began;
 * of two ownerships of one partition the later one has the higher: that is what partitions fence by (offsets.ts).
 */

import type { ClassicGroup } from './classic/classic-group.ts';
import type { AssignorName, TopicPartition } from '../../protocol/schemas/groups.ts';

/** `topic/partition`: names have no slash. */
export type PartitionKey = string;

export interface Ownership {
  /** The epoch in which it began. */
  since: number;
  /** The epoch that revoked it; 0 while it is to stay. */
  revoked: number;
}

export interface Member {
  id: string;
  instanceId: string | null;
  /** The member of the same instance that this one has replaced. */
  replacedId: string | null;
  topics: readonly string[];
  pattern: string | null;
  assignor: AssignorName;
  rack: string | null;
  autoOffsetReset: 'earliest' | 'latest';
  sessionTimeoutMs: number;
  /** How long it may hold a revoked partition. Absent: as long as it reports. */
  rebalanceTimeoutMs?: number | undefined;
  /** What runs it and where: only shown. Absent: it has not said so. */
  client?: { id: string; host: string } | undefined;
  /** Its instance has stopped for now, and comes back as another member within the session timeout. */
  isAway?: true;
  joinedEpoch: number;
  target: PartitionKey[];
  owned: Record<PartitionKey, Ownership>;
}

/** A member that is gone, but not all of its partitions know that yet. */
export interface Fencing {
  /** The epoch that its partitions are raised to. */
  epoch: number;
  partitions: PartitionKey[];
}

/** What is needed to reach the partitions of a topic. */
export interface TopicRef {
  /** The topology version that created it: a topic that is deleted and made again is another one. */
  id: number;
  partitions: number;
  jurisdiction: string | null;
  locationHint: string | null;
  /**
   * Partitions with a lower number were there when the group first saw the topic: those that `latest` means the end of
   * (first-sight.ts). Absent in what was stored before it was kept: all.
   */
  latestBelow?: number;
  /** False while these partitions have yet to note where they ended, for members that begin at `latest`. */
  isSettled?: boolean;
}

/**
 * A roll call begins when the object was out of memory and lost the times of its members. Members that do not report
 * within it are removed.
 */
export interface RollCall {
  endsMs: number;
  missing: string[];
}

export interface GroupState {
  namespace: string;
  name: string;
  /** 0: the group does not exist. */
  epoch: number;
  /** The epoch that the target was computed for; the router has to compute one if it is behind. */
  targetEpoch: number;
  /** The topology that the target was computed by. */
  topologyVersion: number;
  /** The topics that the target is about. */
  topics: Record<string, TopicRef>;
  /** Topics that the group has read before and does not now: its offsets are still there. */
  formerTopics: Record<string, TopicRef>;
  /**
   * By topic name or pattern, the topology version when a member first subscribed to it. Absent in what was stored before it
   * was kept.
   */
  subscribedSince?: Record<string, number>;
  members: Record<string, Member>;
  fencing: Record<string, Fencing>;
  rollCall: RollCall | null;
  /** The members, if they assign partitions themselves. Absent where none ever has. */
  classic?: ClassicGroup;
}

/** Names come from clients. A name such as `constructor` would otherwise find an inherited member. */
export function own<Value>(values: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

export function emptyGroup(): GroupState {
  return {
    namespace: '',
    name: '',
    epoch: 0,
    targetEpoch: 0,
    topologyVersion: 0,
    topics: {},
    formerTopics: {},
    members: {},
    fencing: {},
    rollCall: null,
  };
}

export function keyOf({ topic, partition }: TopicPartition): PartitionKey {
  return `${topic}/${partition}`;
}

export function partitionOf(key: PartitionKey): TopicPartition {
  const slash = key.indexOf('/');
  return { topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)) };
}

export function memberCount(state: GroupState): number {
  return Object.keys(state.members).length;
}

/** The topic as the group knows it; undefined if it never has. */
export function knownRef({ topics, formerTopics }: GroupState, topic: string): TopicRef | undefined {
  return own(topics, topic) ?? own(formerTopics, topic);
}

/** The topic of a partition that somebody owns. */
export function refOf(state: GroupState, topic: string): TopicRef {
  const ref = knownRef(state, topic);
  if (ref === undefined)
    throw new Error(`the group owns a partition of topic ${topic}, which it does not know`);
  return ref;
}

/** True if the group has no members and none to fence. Then its offsets may be changed. */
export function isEmpty(state: GroupState): boolean {
  return memberCount(state) === 0 && Object.keys(state.fencing).length === 0 && !isClassic(state);
}

/** True if its members assign partitions themselves. A group has members of one kind at a time. */
export function isClassic({ classic }: GroupState): boolean {
  return classic !== undefined && Object.keys(classic.members).length > 0;
}

/** The partitions that the member is to read: owned and not revoked. Sorted by topic and partition. */
export function assignmentOf(member: Member): TopicPartition[] {
  return sortedPartitions(Object.keys(member.owned).filter((key) => member.owned[key]!.revoked === 0));
}

export function revokedOf(member: Member): TopicPartition[] {
  return sortedPartitions(Object.keys(member.owned).filter((key) => member.owned[key]!.revoked > 0));
}

/** Partitions that somebody owns, or that are not fenced yet. */
export function takenPartitions(state: GroupState): Set<PartitionKey> {
  const taken = new Set<PartitionKey>();
  for (const member of Object.values(state.members)) for (const key in member.owned) taken.add(key);
  for (const { partitions } of Object.values(state.fencing)) for (const key of partitions) taken.add(key);
  return taken;
}

/** True if every member owns exactly its target. */
export function isStable(state: GroupState): boolean {
  return (
    state.targetEpoch === state.epoch &&
    Object.keys(state.fencing).length === 0 &&
    Object.values(state.members).every(
      ({ owned, target }) =>
        target.every((key) => owned[key]?.revoked === 0) && Object.keys(owned).length === target.length,
    )
  );
}

function sortedPartitions(keys: PartitionKey[]): TopicPartition[] {
  return keys
    .map(partitionOf)
    .toSorted((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}
