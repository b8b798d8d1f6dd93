/**
 * Membership: joining, heartbeats, and leaving a group. Each function changes the given state, or refuses and changes
 * nothing.
 */

import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { AssignorName, TopicPartition } from '../../protocol/schemas/groups.ts';
import { GROUP_MEMBERS_MAX } from '../../protocol/limits.ts';
import { noteSubscriptions } from './first-sight.ts';
import {
  keyOf,
  memberCount,
  takenPartitions,
  type GroupState,
  type Member,
  type PartitionKey,
  own,
} from './group-state.ts';

export interface JoinRequest {
  topics: readonly string[];
  pattern: string | null;
  assignor: AssignorName;
  instanceId: string | null;
  rack: string | null;
  autoOffsetReset: 'earliest' | 'latest';
  sessionTimeoutMs: number;
  rebalanceTimeoutMs?: number | undefined;
  client?: Member['client'];
  /** The topology that the topics were looked up in. */
  topologyVersion: number;
}

/**
 * Adds a member. A member with the instance id of another replaces it. It has the same target, so no other member is
 * affected. It gets the partitions when they know that its predecessor may no longer commit.
 * @param memberId a new id that cannot be guessed
 */
export function join(
  state: GroupState,
  memberId: string,
  { topologyVersion, ...request }: JoinRequest,
): Member | Failure {
  const replaced = request.instanceId === null ? undefined : memberOfInstance(state, request.instanceId);
  if (replaced === undefined && memberCount(state) >= GROUP_MEMBERS_MAX) {
    return failure('group_full', `the group has ${GROUP_MEMBERS_MAX} members, which is the most`, {
      members_max: GROUP_MEMBERS_MAX,
    });
  }
  const isTargetCurrent = state.targetEpoch === state.epoch;
  const member: Member = {
    ...request,
    id: memberId,
    replacedId: replaced?.id ?? null,
    joinedEpoch: state.epoch + 1,
    target: [],
    owned: {},
  };
  if (replaced === undefined) {
    state.epoch += 1;
  } else {
    remove(state, replaced);
    member.target = replaced.target;
    // The same subscription needs no new target.
    const isTarget = isTargetCurrent && subscribesAlike(replaced, member);
    state.targetEpoch = isTarget ? state.epoch : Math.min(state.targetEpoch, state.epoch - 1);
  }
  noteSubscriptions(state, member, topologyVersion);
  state.members[memberId] = member;
  return member;
}

export interface Beat {
  memberId: string;
  /** The epoch of the last reply to the member; null for a client that keeps no epoch and holds its last assignment. */
  epoch: number | null;
  /** The partitions that the member still works on: a list, at most its last assignment, or unknown. */
  held: readonly TopicPartition[] | 'assigned' | 'unsaid';
  /** The highest epoch that the member has shown since the object woke. */
  shownEpoch: number;
}

/**
 * Handles a sign of life. It frees revoked partitions that the member no longer holds, and gives the member free
 * partitions of its target.
 * @returns whether the state has changed
 */
export function heartbeat(state: GroupState, beat: Beat): { member: Member; isChanged: boolean } | Failure {
  const member = findMember(state, beat.memberId);
  if (isFailure(member)) return member;
  const stale = beat.epoch === null ? null : checkEpoch(state, member, beat.epoch, beat.shownEpoch);
  if (stale) return stale;
  const released = release(member, beat.epoch ?? state.epoch, beat.held);
  const given = give(state, member);
  return { member, isChanged: released || given };
}

/** Checks the epoch of a request of this member: not in the future, and not older than one that it has shown. */
export function checkEpoch(
  state: GroupState,
  member: Member,
  epoch: number,
  shownEpoch: number,
): Failure | null {
  const oldest = Math.max(member.joinedEpoch, shownEpoch);
  if (epoch >= oldest && epoch <= state.epoch) return null;
  const what = epoch < oldest ? `is older than ${oldest}, which this member knows` : 'has not begun yet';
  return failure('stale_epoch', `epoch ${epoch} ${what}; heartbeat with the epoch of the last reply`, {
    epoch: state.epoch,
  });
}

/**
 * Removes a member that leaves, is removed by an operator, or was silent for too long. Its partitions have to be
 * fenced.
 */
export function remove(state: GroupState, member: Member): void {
  state.epoch += 1;
  delete state.members[member.id];
  fence(state, member.id, Object.keys(member.owned));
  if (memberCount(state) === 0) state.targetEpoch = state.epoch; // nobody is left to assign to
}

/**
 * Takes revoked partitions from a member that says that it holds nothing any more. They have to be fenced, because what it says may be
 * late: it may have got them since, and work on them.
 * @returns whether there were any
 */
export function abandonRevoked(state: GroupState, member: Member): boolean {
  const revoked = Object.keys(member.owned).filter((key) => member.owned[key]!.revoked > 0);
  if (revoked.length === 0) return false;
  const isTargetCurrent = state.targetEpoch === state.epoch;
  state.epoch += 1;
  if (isTargetCurrent) state.targetEpoch = state.epoch;
  for (const key of revoked) delete member.owned[key];
  fence(state, member.id, revoked);
  return true;
}

/** A member that leaves, comes back under its id and leaves again may have partitions that do not know the first end yet. */
function fence(state: GroupState, memberId: string, partitions: readonly PartitionKey[]): void {
  const all = [...new Set([...(own(state.fencing, memberId)?.partitions ?? []), ...partitions])];
  if (all.length > 0) state.fencing[memberId] = { epoch: state.epoch, partitions: all };
}

/** Ends the fencing of a member: its partitions know, so others may get them. */
export function fenced(state: GroupState, memberId: string): void {
  delete state.fencing[memberId];
}

export function findMember(state: GroupState, memberId: string): Member | Failure {
  if (state.epoch === 0)
    return failure('group_not_found', 'there is no such group; the first member that joins creates it');
  const member = own(state.members, memberId);
  if (member) return member;
  for (const { replacedId, instanceId } of Object.values(state.members)) {
    if (replacedId !== memberId) continue;
    return failure(
      'instance_fenced',
      `another member has joined as instance "${instanceId}" and taken the place of this one; stop`,
    );
  }
  return failure(
    'member_not_found',
    'the group has no such member: it has left, was removed or was not heard of in time; join again',
  );
}

/**
 * Returns the epochs in which a member began to own partitions; null for those that it does not own. Revoked partitions
 * count too.
 */
export function ownershipsOf(member: Member, partitions: readonly TopicPartition[]): (number | null)[] {
  return partitions.map((partition) => member.owned[keyOf(partition)]?.since ?? null);
}

export function memberOfInstance(state: GroupState, instanceId: string): Member | undefined {
  return Object.values(state.members).find((member) => member.instanceId === instanceId);
}

export function subscribesAlike(
  a: Pick<Member, 'topics' | 'pattern' | 'assignor'>,
  b: Pick<Member, 'topics' | 'pattern' | 'assignor'>,
): boolean {
  const topics = (member: Pick<Member, 'topics'>): string => member.topics.toSorted().join(' ');
  return topics(a) === topics(b) && a.pattern === b.pattern && a.assignor === b.assignor;
}

/** Only a member that has seen the revocation can have given the partition up because of it. */
function release(member: Member, epoch: number, held: Beat['held']): boolean {
  if (held === 'unsaid') return false;
  const holds = new Set<PartitionKey>(held === 'assigned' ? [] : held.map(keyOf));
  let isChanged = false;
  for (const key in member.owned) {
    const { revoked } = member.owned[key]!;
    if (revoked === 0 || epoch < revoked || holds.has(key)) continue;
    delete member.owned[key];
    isChanged = true;
  }
  return isChanged;
}

function give(state: GroupState, member: Member): boolean {
  const wanted = member.target.filter((key) => member.owned[key] === undefined);
  if (wanted.length === 0) return false;
  const taken = takenPartitions(state);
  const free = wanted.filter((key) => !taken.has(key));
  for (const key of free) member.owned[key] = { since: state.epoch, revoked: 0 };
  return free.length > 0;
}
