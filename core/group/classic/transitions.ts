/**
 * Transitions of a classic group: join, sync, heartbeat, leave, and what time does. Each changes the given group, or refuses and changes
 * nothing. Answers that others have waited for come out in the step.
 */

import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { GROUP_MEMBERS_MAX } from '../../../protocol/limits.ts';
import {
  commonProtocol,
  longestRebalance,
  membersOf,
  type ClassicGroup,
  type ClassicMember,
  type ClassicProtocol,
  memberOf,
} from './classic-group.ts';
import type { ClassicJoin, ClassicSync, Joined, MemberClaim, Step, Synced } from './step.ts';

/** The first rebalance of a group waits until nobody has joined for so long, in ms. Kafka's default is 3 s. */
const INITIAL_GAP_MS = 20;

/** Above it a join does not make the first rebalance longer: together they wait 2 s at most. */
const INITIAL_MEMBERS_MAX = 100;

/** How long it then waits for clients that have asked for an id and have yet to join with it, in ms. */
const INITIAL_PENDING_MS = 100;

/** Ids that are given out and not used yet. Above it the oldest is forgotten; its client asks for another. */
export const PENDING_IDS_MAX = 1_000;

/** @returns null if the answer comes when the rebalance has ended */
export function joinClassic(
  group: ClassicGroup,
  step: Step,
  request: ClassicJoin,
  newId: string,
): Joined | Failure | null {
  const { memberId, instanceId } = request;
  const unfit = inconsistency(group, request);
  if (unfit) return unfit;
  const sameInstance = instanceId === null ? undefined : memberOfInstance(group, instanceId);
  if (memberId === '') {
    if (sameInstance) return replace(group, step, request, sameInstance, newId);
    if (memberCount(group) >= GROUP_MEMBERS_MAX) return full();
    if (instanceId !== null || !request.needsId) return add(group, step, request, newId);
    giveId(group, newId, step.nowMs + request.sessionTimeoutMs);
    return failure('member_id_required', 'join again with the member id that this answer gives', {
      member_id: newId,
    });
  }
  const member = memberOf(group, memberId);
  if (member === undefined) {
    if (sameInstance) return fencedInstance(instanceId!);
    if (!Object.hasOwn(group.pendingIds, memberId)) return unknownMember();
    if (memberCount(group) >= GROUP_MEMBERS_MAX) return full();
    delete group.pendingIds[memberId];
    return add(group, step, request, memberId);
  }
  if (sameInstance && sameInstance !== member) return fencedInstance(instanceId!);
  const isSame = sameProtocols(member.protocols, request.protocols);
  // An answer was lost, or a follower asks again: nothing has changed for it.
  const isRepeated =
    group.phase === 'completing' || (group.phase === 'stable' && memberId !== group.leaderId);
  if (isSame && isRepeated) {
    touch(member, step);
    return joinedOf(group, member);
  }
  describe(member, request);
  return rejoin(group, step, member);
}

/** @returns null if the answer comes when the leader has assigned */
export function syncClassic(group: ClassicGroup, step: Step, request: ClassicSync): Synced | Failure | null {
  const member = claimed(group, request);
  if (isFailure(member)) return member;
  const { protocolType, protocol } = request;
  if (
    (protocolType ?? group.protocolType) !== group.protocolType ||
    (protocol ?? group.protocol) !== group.protocol
  ) {
    return failure('inconsistent_protocol', `the group uses "${group.protocol}" of "${group.protocolType}"`);
  }
  touch(member, step);
  if (group.phase === 'preparing') return rebalancing();
  if (group.phase === 'stable') return syncedOf(group, member);
  member.isWaiting = true;
  if (member.id !== group.leaderId) return null;
  for (const each of membersOf(group))
    each.assignment = Object.hasOwn(request.assignments, each.id) ? request.assignments[each.id]! : '';
  group.phase = 'stable';
  group.deadlineMs = null;
  step.isChanged = true;
  for (const each of membersOf(group)) {
    if (each.isWaiting && each !== member)
      step.answers.push({ memberId: each.id, synced: syncedOf(group, each) });
    if (each.isWaiting) touch(each, step);
    each.isWaiting = false;
  }
  return syncedOf(group, member);
}

/** @returns null if all is well */
export function heartbeatClassic(group: ClassicGroup, step: Step, claim: MemberClaim): Failure | null {
  const member = claimed(group, claim);
  if (isFailure(member)) return member;
  touch(member, step);
  return group.phase === 'preparing' ? rebalancing() : null;
}

/** The member of a claim, if it is one of the current generation. */
export function claimed(
  group: ClassicGroup,
  { memberId, instanceId, generation }: MemberClaim,
): ClassicMember | Failure {
  const sameInstance = instanceId === null ? undefined : memberOfInstance(group, instanceId);
  if (sameInstance && sameInstance.id !== memberId) return fencedInstance(instanceId!);
  const member = memberOf(group, memberId);
  if (member === undefined) return unknownMember();
  if (generation === group.generation) return member;
  return failure(
    'stale_epoch',
    `generation ${generation} is not the current one, ${group.generation}; join again`,
    {
      epoch: group.generation,
    },
  );
}

/** @returns the id of the member that has left */
export function leaveClassic(
  group: ClassicGroup,
  step: Step,
  { memberId, instanceId }: { memberId: string; instanceId: string | null },
): string | Failure {
  const sameInstance = instanceId === null ? undefined : memberOfInstance(group, instanceId);
  if (sameInstance && memberId !== '' && sameInstance.id !== memberId) return fencedInstance(instanceId!);
  const member = sameInstance ?? memberOf(group, memberId);
  if (member === undefined) {
    if (!Object.hasOwn(group.pendingIds, memberId)) return unknownMember();
    delete group.pendingIds[memberId];
    if (group.phase === 'preparing') completeIfReady(group, step);
    return memberId;
  }
  remove(group, step, member);
  return member.id;
}

/** Runs what is due: silent members, and phases that have taken too long. */
export function expireClassic(group: ClassicGroup, step: Step): void {
  for (const [id, expiresMs] of Object.entries(group.pendingIds)) {
    if (expiresMs > step.nowMs) continue;
    delete group.pendingIds[id];
    if (group.phase === 'preparing') completeIfReady(group, step);
  }
  for (const member of membersOf(group)) {
    if (!member.isWaiting && member.expiresMs <= step.nowMs) remove(group, step, member);
  }
  if (group.deadlineMs === null || group.deadlineMs > step.nowMs) return;
  if (group.isInitial && Object.keys(group.pendingIds).length > 0) {
    group.isInitial = false; // it ends as soon as they have joined
    group.deadlineMs = deadline(group, step, INITIAL_PENDING_MS);
  } else if (group.phase === 'preparing') complete(group, step);
  else begin(group, step); // the leader has not assigned in time
}

/** When something is due next; null if nothing is. Silent members of a stable group are noticed by the calls of others. */
export function nextClassicMs(group: ClassicGroup): number | null {
  if (group.deadlineMs === null) return null;
  const silent = membersOf(group).filter(({ isWaiting }) => !isWaiting);
  return Math.min(
    group.deadlineMs,
    ...silent.map(({ expiresMs }) => expiresMs),
    ...Object.values(group.pendingIds),
  );
}

function giveId({ pendingIds }: ClassicGroup, id: string, untilMs: number): void {
  const given = Object.keys(pendingIds);
  if (given.length >= PENDING_IDS_MAX) delete pendingIds[given[0]!];
  pendingIds[id] = untilMs;
}

function inconsistency(
  group: ClassicGroup,
  { protocolType, protocols, memberId }: ClassicJoin,
): Failure | null {
  const others = membersOf(group).filter(({ id }) => id !== memberId);
  const isFit =
    protocolType !== '' &&
    protocols.length > 0 &&
    (others.length === 0 ||
      (protocolType === group.protocolType && commonProtocol([{ protocols }, ...others]) !== null));
  return isFit
    ? null
    : failure('inconsistent_protocol', 'the member has no protocol in common with the others of the group');
}

function add(group: ClassicGroup, step: Step, request: ClassicJoin, id: string): null {
  const { protocolType, ...rest } = request;
  const member: ClassicMember = {
    id,
    instanceId: rest.instanceId,
    clientId: '',
    clientHost: '',
    sessionTimeoutMs: 0,
    rebalanceTimeoutMs: 0,
    protocols: [],
    assignment: '',
    isWaiting: false,
    expiresMs: 0,
  };
  describe(member, request);
  if (memberCount(group) === 0) group.protocolType = protocolType;
  group.members[id] = member;
  const isExtending = group.isInitial && memberCount(group) <= INITIAL_MEMBERS_MAX;
  if (isExtending) group.deadlineMs = deadline(group, step, INITIAL_GAP_MS);
  return rejoin(group, step, member);
}

function deadline(group: ClassicGroup, { nowMs }: Step, waitMs: number): number {
  return nowMs + Math.min(waitMs, longestRebalance(group));
}

/** A static member that has started again takes the place of what it was. Nothing changes for others if it is as it was. */
function replace(
  group: ClassicGroup,
  step: Step,
  request: ClassicJoin,
  before: ClassicMember,
  id: string,
): Joined | Failure | null {
  const isSame = sameProtocols(before.protocols, request.protocols);
  if (before.isWaiting) refuseWaiting(group, step, before, fencedInstance(before.instanceId!));
  const member = { ...before, id, isWaiting: false };
  describe(member, request);
  delete group.members[before.id];
  group.members[id] = member;
  if (group.leaderId === before.id) group.leaderId = id;
  step.isChanged = true;
  if (group.phase !== 'stable' || !isSame) return rejoin(group, step, member);
  touch(member, step);
  return { ...joinedOf(group, member), isAssigned: true };
}

function describe(member: ClassicMember, request: ClassicJoin): void {
  member.clientId = request.clientId;
  member.clientHost = request.clientHost;
  member.sessionTimeoutMs = request.sessionTimeoutMs;
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
  member.protocols = request.protocols;
}

function rejoin(group: ClassicGroup, step: Step, member: ClassicMember): null {
  touch(member, step);
  if (group.phase !== 'preparing') begin(group, step);
  member.isWaiting = true;
  completeIfReady(group, step);
  return null;
}

function remove(group: ClassicGroup, step: Step, member: ClassicMember): void {
  if (member.isWaiting) refuseWaiting(group, step, member, unknownMember());
  delete group.members[member.id];
  step.isChanged = true;
  if (group.phase !== 'preparing') begin(group, step);
  completeIfReady(group, step);
}

/** Begins a rebalance. Members that wait for an assignment have to join again. */
function begin(group: ClassicGroup, step: Step): void {
  const isFirst = group.phase === 'empty';
  for (const member of membersOf(group)) {
    if (member.isWaiting) refuseWaiting(group, step, member, rebalancing());
    member.isWaiting = false;
  }
  group.phase = 'preparing';
  group.isInitial = isFirst;
  group.deadlineMs = deadline(group, step, isFirst ? INITIAL_GAP_MS : Infinity);
  step.isChanged = true;
}

function completeIfReady(group: ClassicGroup, step: Step): void {
  const hasAll =
    membersOf(group).every(({ isWaiting }) => isWaiting) && Object.keys(group.pendingIds).length === 0;
  if (memberCount(group) === 0 || (hasAll && !group.isInitial)) complete(group, step);
}

/** Ends the joining. Those that have not joined are no members any more; static ones stay until their sessions end. */
function complete(group: ClassicGroup, step: Step): void {
  for (const member of membersOf(group)) {
    if (!member.isWaiting && member.instanceId === null) delete group.members[member.id];
  }
  const members = membersOf(group);
  group.generation = step.nextEpoch();
  group.isInitial = false;
  step.isChanged = true;
  for (const member of members) member.assignment = '';
  const joined = members.filter(({ isWaiting }) => isWaiting);
  if (joined.length === 0) {
    group.protocol = '';
    group.leaderId = '';
    group.phase = members.length === 0 ? 'empty' : 'preparing';
    group.deadlineMs = members.length === 0 ? null : step.nowMs + longestRebalance(group);
    return;
  }
  group.protocol = commonProtocol(members)!;
  if (!joined.some(({ id }) => id === group.leaderId)) group.leaderId = joined[0]!.id;
  group.phase = 'completing';
  group.deadlineMs = step.nowMs + longestRebalance(group);
  for (const member of joined) {
    member.isWaiting = false;
    touch(member, step);
    step.answers.push({ memberId: member.id, joined: joinedOf(group, member) });
  }
}

function refuseWaiting({ phase }: ClassicGroup, step: Step, { id }: ClassicMember, refusal: Failure): void {
  step.answers.push(
    phase === 'completing' ? { memberId: id, synced: refusal } : { memberId: id, joined: refusal },
  );
}

function joinedOf(group: ClassicGroup, member: ClassicMember): Joined {
  const { generation, protocolType, protocol, leaderId } = group;
  const metadataOf = ({ protocols }: ClassicMember): string =>
    protocols.find(({ name }) => name === protocol)?.metadata ?? '';
  const members =
    member.id === leaderId
      ? membersOf(group).map((each) => ({
          id: each.id,
          instanceId: each.instanceId,
          metadata: metadataOf(each),
        }))
      : [];
  return { generation, protocolType, protocol, leaderId, memberId: member.id, members, isAssigned: false };
}

function syncedOf({ protocolType, protocol }: ClassicGroup, { assignment }: ClassicMember): Synced {
  return { protocolType, protocol, assignment };
}

function touch(member: ClassicMember, { nowMs }: Step): void {
  member.expiresMs = nowMs + member.sessionTimeoutMs;
}

function memberOfInstance(group: ClassicGroup, instanceId: string): ClassicMember | undefined {
  return membersOf(group).find((member) => member.instanceId === instanceId);
}

function memberCount({ members }: ClassicGroup): number {
  return Object.keys(members).length;
}

function sameProtocols(a: readonly ClassicProtocol[], b: readonly ClassicProtocol[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, metadata }, at) => b[at]!.name === name && b[at]!.metadata === metadata)
  );
}

function unknownMember(): Failure {
  return failure(
    'member_not_found',
    'the group has no such member: it has left or was not heard of in time; join again',
  );
}

function fencedInstance(instanceId: string): Failure {
  return failure('instance_fenced', `another member has joined as instance "${instanceId}"; stop`);
}

function rebalancing(): Failure {
  return failure('rebalance_in_progress', 'the members of the group have changed; join again');
}

function full(): Failure {
  return failure('group_full', `the group has ${GROUP_MEMBERS_MAX} members, which is the most`);
}
