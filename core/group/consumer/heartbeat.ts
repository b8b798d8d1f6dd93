/**
 * Consumer heartbeat: the one kind of request by which Kafka's newer clients (KIP-848) join a group, stay in it, change what they read,
 * and leave. Members make their ids themselves, so a member that has lost its epoch joins again under its id and keeps its place. The
 * epoch of a member is that of the group, as the last reply has told it. What it says in a request:
 *
 *    0   joins, or begins anew: it holds no partitions
 *   -1   leaves
 *   -2   its instance stops for now. The partitions stay with it for the session timeout, or until the instance is back as another member
 *   else the epoch of the last reply. What it leaves out is as it was
 */

import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import {
  ASSIGNOR_DEFAULT,
  type AssignorName,
  type TopicPartition,
} from '../../../protocol/schemas/groups.ts';
import { noteSubscriptions } from '../first-sight.ts';
import { own, type GroupState, type Member } from '../group-state.ts';
import {
  abandonRevoked,
  findMember,
  heartbeat,
  join,
  memberOfInstance,
  subscribesAlike,
  type Beat,
} from '../membership.ts';

export const JOINS = 0;
export const LEAVES = -1;
export const LEAVES_FOR_NOW = -2;

export interface ConsumerBeat {
  memberId: string;
  epoch: number;
  instanceId: string | null;
  /** Null: as before. */
  topics: readonly string[] | null;
  pattern: string | null;
  assignor: AssignorName | null;
  rack: string | null;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number | null;
  client: { id: string; host: string } | null;
  /** The partitions that it works on; null: those that it has named last. */
  held: readonly TopicPartition[] | null;
  /** The topology that the topics were looked up in. */
  topologyVersion: number;
}

export interface Beaten {
  member: Member;
  isChanged: boolean;
}

/** Handles a request of a member that joins or stays. `shownEpoch`: the highest that it has shown since the object woke. */
export function beatAsConsumer(state: GroupState, beat: ConsumerBeat, shownEpoch: number): Beaten | Failure {
  return beat.epoch === JOINS ? begin(state, beat) : stay(state, beat, shownEpoch);
}

function begin(state: GroupState, beat: ConsumerBeat): Beaten | Failure {
  const { memberId, instanceId } = beat;
  if (beat.topics === null && beat.pattern === null) {
    return failure('invalid_field', 'a member that joins says which topics it reads');
  }
  const known = own(state.members, memberId);
  if (known) {
    if (known.instanceId !== instanceId) return otherInstance(known);
    delete known.isAway;
    change(state, known, beat);
    abandonRevoked(state, known);
    return settled(state, { memberId, epoch: null, held: 'unsaid', shownEpoch: 0 }, true);
  }
  const before = instanceId === null ? undefined : memberOfInstance(state, instanceId);
  if (before && !before.isAway) {
    return failure(
      'instance_in_use',
      `a member of instance "${instanceId}" is there; it has to leave, or be silent for its session timeout`,
    );
  }
  const joined = join(state, memberId, {
    topics: beat.topics ?? [],
    pattern: beat.pattern,
    assignor: beat.assignor ?? ASSIGNOR_DEFAULT,
    instanceId,
    rack: beat.rack,
    // Kafka's clients decide by themselves where they begin.
    autoOffsetReset: 'earliest',
    sessionTimeoutMs: beat.sessionTimeoutMs,
    ...(beat.rebalanceTimeoutMs !== null && { rebalanceTimeoutMs: beat.rebalanceTimeoutMs }),
    ...(beat.client !== null && { client: beat.client }),
    topologyVersion: beat.topologyVersion,
  });
  return isFailure(joined) ? joined : { member: joined, isChanged: true };
}

function stay(state: GroupState, beat: ConsumerBeat, shownEpoch: number): Beaten | Failure {
  const { memberId, epoch, held } = beat;
  const member = findMember(state, memberId);
  if (isFailure(member)) return member;
  if (beat.instanceId !== null && beat.instanceId !== member.instanceId) return otherInstance(member);
  if (member.isAway) return failure('stale_epoch', 'the member has left for now; join again');
  const beaten = settled(state, { memberId, epoch, held: held ?? 'unsaid', shownEpoch }, false);
  if (isFailure(beaten)) return beaten;
  const isChanged = change(state, member, beat);
  return { member, isChanged: beaten.isChanged || isChanged };
}

/** Handles the request of a member that leaves for now. Of one that leaves for good: the member. */
export function leaveAsConsumer(
  state: GroupState,
  { memberId, epoch, instanceId }: Pick<ConsumerBeat, 'memberId' | 'epoch' | 'instanceId'>,
): Beaten | Failure {
  const member = findMember(state, memberId);
  if (isFailure(member)) return member;
  if (instanceId !== null && instanceId !== member.instanceId) return otherInstance(member);
  if (epoch === LEAVES) return { member, isChanged: false };
  if (member.instanceId === null) {
    return failure('invalid_field', 'epoch -2 is for members with an instance_id; leave with -1');
  }
  const isNew = member.isAway !== true;
  member.isAway = true;
  const hadRevoked = abandonRevoked(state, member);
  return { member, isChanged: isNew || hadRevoked };
}

/** Takes what the member says of itself. Another subscription makes the next epoch, for which a target is to be computed. */
function change(state: GroupState, member: Member, beat: ConsumerBeat): boolean {
  const isSubscribing = beat.topics !== null || beat.pattern !== null;
  const subscription = {
    topics: isSubscribing ? (beat.topics ?? []) : member.topics,
    pattern: isSubscribing ? beat.pattern : member.pattern,
    assignor: beat.assignor ?? member.assignor,
  };
  const said = {
    rack: beat.rack ?? member.rack,
    rebalanceTimeoutMs: beat.rebalanceTimeoutMs ?? member.rebalanceTimeoutMs,
  };
  const isOther = !subscribesAlike(member, subscription);
  const isChanged =
    isOther || said.rack !== member.rack || said.rebalanceTimeoutMs !== member.rebalanceTimeoutMs;
  Object.assign(member, said);
  if (!isOther) return isChanged;
  Object.assign(member, subscription);
  state.epoch += 1;
  noteSubscriptions(state, member, beat.topologyVersion);
  return true;
}

function settled(state: GroupState, beat: Beat, isChanged: boolean): Beaten | Failure {
  const beaten = heartbeat(state, beat);
  return isFailure(beaten) ? beaten : { member: beaten.member, isChanged: isChanged || beaten.isChanged };
}

function otherInstance({ instanceId }: Member): Failure {
  const whose = instanceId === null ? 'no instance' : `instance "${instanceId}"`;
  return failure('instance_fenced', `the member is of ${whose}; stop`);
}
