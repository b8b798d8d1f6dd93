/** JoinGroup, SyncGroup, Heartbeat, LeaveGroup: classic groups. The group is in the broker, so that gateways share it. */

import { isWideName, WIDE_NAME_RULE } from '../../../protocol/names/name-rule.ts';
import { SESSION_TIMEOUT_MS_MAX, SESSION_TIMEOUT_MS_MIN } from '../../../protocol/limits.ts';
import { CLIENT_ID_LENGTH_MAX, REBALANCE_TIMEOUT_MS_MAX } from '../../../protocol/schemas/classic-groups.ts';
import { asPosthornError, PosthornError, type PosthornErrorCode } from '../../../sdk/errors.ts';
import { ERRORS, type KafkaError } from '../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';
import type { Handler, Session } from '../session.ts';

interface JoinGroupRequest {
  groupId: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  memberId: string;
  groupInstanceId: string | null;
  protocolType: string;
  protocols: { name: string; metadata: Uint8Array }[];
}

/** From these versions on a new member is given its id first, and a group may have static members. */
const MEMBER_ID_VERSION = 4;
const LEAVE_MANY_VERSION = 3;

/** A protocol type of null came with version 7. */
const NULL_PROTOCOL_VERSION = 7;

/** Beyond what the call may take by itself, in ms. */
const WAIT_MARGIN_MS = 30_000;

export const joinGroup: Handler<JoinGroupRequest> = async (session, request, version) => {
  const { groupId, sessionTimeoutMs, memberId, groupInstanceId } = request;
  // Clients give their `max.poll.interval.ms`, which may be days.
  const rebalanceTimeoutMs = Math.min(
    request.rebalanceTimeoutMs > 0 ? request.rebalanceTimeoutMs : sessionTimeoutMs,
    REBALANCE_TIMEOUT_MS_MAX,
  );
  const nobody = {
    generationId: -1,
    protocolType: version < NULL_PROTOCOL_VERSION ? '' : null,
    protocolName: version < NULL_PROTOCOL_VERSION ? '' : null,
    leader: '',
    memberId,
    members: [],
  };
  try {
    checkGroup(groupId);
    if (sessionTimeoutMs < SESSION_TIMEOUT_MS_MIN || sessionTimeoutMs > SESSION_TIMEOUT_MS_MAX)
      return { ...nobody, errorCode: ERRORS.INVALID_SESSION_TIMEOUT };
    const joined = await session.client.groups.classic(
      groupId,
      {
        action: 'join',
        memberId,
        instanceId: groupInstanceId ?? undefined,
        clientId: session.clientId().slice(0, CLIENT_ID_LENGTH_MAX).toWellFormed(),
        clientHost: session.clientHost,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        protocolType: request.protocolType,
        protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: base64(metadata) })),
        needsId: version >= MEMBER_ID_VERSION,
      },
      { timeoutMs: rebalanceTimeoutMs + WAIT_MARGIN_MS, signal: session.signal },
    );
    return {
      errorCode: ERRORS.NONE,
      generationId: joined.generation!,
      protocolType: joined.protocolType!,
      protocolName: joined.protocol!,
      leader: joined.leaderId!,
      skipAssignment: joined.isAssigned!,
      memberId: joined.memberId!,
      members: joined.members!.map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.instanceId,
        metadata: bytesOf(member.metadata ?? ''),
      })),
    };
  } catch (cause) {
    const error = asPosthornError(cause);
    const given = error.code === 'member_id_required' ? String(error.details['member_id']) : memberId;
    return { ...nobody, ...groupFailure(error), memberId: given };
  }
};

interface SyncGroupRequest {
  groupId: string;
  generationId: number;
  memberId: string;
  groupInstanceId: string | null;
  protocolType: string | null;
  protocolName: string | null;
  assignments: { memberId: string; assignment: Uint8Array }[];
}

/** A leader that does not assign is waited for as long as its rebalance timeout says, which only the group knows. */
const SYNC_MS_MAX = 3_700_000;

export const syncGroup: Handler<SyncGroupRequest> = async (session, request) => {
  const { groupId, generationId, memberId, groupInstanceId } = request;
  try {
    checkGroup(groupId);
    const synced = await session.client.groups.classic(
      groupId,
      {
        action: 'sync',
        ...claimOf(memberId, groupInstanceId, generationId),
        protocolType: request.protocolType ?? undefined,
        protocol: request.protocolName ?? undefined,
        assignments: request.assignments.map((each) => ({
          memberId: each.memberId,
          assignment: base64(each.assignment),
        })),
      },
      { timeoutMs: SYNC_MS_MAX, signal: session.signal },
    );
    return {
      errorCode: ERRORS.NONE,
      protocolType: synced.protocolType!,
      protocolName: synced.protocol!,
      assignment: bytesOf(synced.assignment!),
    };
  } catch (error) {
    return { ...groupFailure(error), protocolType: null, protocolName: null, assignment: new Uint8Array() };
  }
};

interface HeartbeatRequest {
  groupId: string;
  generationId: number;
  memberId: string;
  groupInstanceId: string | null;
}

/**
 * How long a member that was told to join again is told the same without a call of the broker, in ms. kafkajs asks once for each of its
 * partitions before it joins, and a generation that has ended does not come back.
 */
const TOLD_MS = 500;

/** The member of a connection that was told so last, and when. */
const told = new WeakMap<Session, { claim: string; atMs: number }>();

export const heartbeat: Handler<HeartbeatRequest> = async (session, request) => {
  const { groupId, generationId, memberId, groupInstanceId } = request;
  const claim = JSON.stringify([groupId, generationId, memberId, groupInstanceId]);
  const last = told.get(session);
  if (last?.claim === claim && performance.now() < last.atMs + TOLD_MS)
    return { errorCode: ERRORS.REBALANCE_IN_PROGRESS };
  try {
    checkGroup(groupId);
    await session.client.groups.classic(groupId, {
      action: 'heartbeat',
      ...claimOf(memberId, groupInstanceId, generationId),
    });
    return { errorCode: ERRORS.NONE };
  } catch (error) {
    const failure = groupFailure(error);
    if (failure.errorCode === ERRORS.REBALANCE_IN_PROGRESS)
      told.set(session, { claim, atMs: performance.now() });
    return failure;
  }
};

interface LeaveGroupRequest {
  groupId: string;
  memberId: string;
  members: { memberId: string; groupInstanceId: string | null }[];
}

export const leaveGroup: Handler<LeaveGroupRequest> = async ({ client }, request, version) => {
  const { groupId, memberId, members } = request;
  const isOne = version < LEAVE_MANY_VERSION;
  const asked = isOne ? [{ memberId, groupInstanceId: null }] : members;
  try {
    checkGroup(groupId);
    const { members: left = [] } = await client.groups.classic(groupId, {
      action: 'leave',
      members: asked.map((each) => ({
        memberId: each.memberId,
        instanceId: each.groupInstanceId ?? undefined,
      })),
    });
    const outcomes = left.map((each) => ({
      memberId: each.memberId,
      groupInstanceId: each.instanceId,
      errorCode: each.code === undefined ? ERRORS.NONE : groupFailure(codeError(each.code)).errorCode,
    }));
    return isOne ? { errorCode: outcomes[0]!.errorCode } : { errorCode: ERRORS.NONE, members: outcomes };
  } catch (error) {
    return { ...groupFailure(error), members: [] };
  }
};

export function claimOf(
  memberId: string,
  instanceId: string | null,
  generation: number,
): { memberId: string; instanceId: string | undefined; generation: number } {
  // A member without an id, or of no generation, is none.
  if (memberId === '') throw new PosthornError('member_not_found', 'the request names no member');
  if (generation < 0) throw new PosthornError('stale_epoch', 'the request names no generation');
  return { memberId, instanceId: instanceId ?? undefined, generation };
}

/** @throws PosthornError for a name that no group can have */
export function checkGroup(group: string): void {
  if (!isWideName(group)) throw new PosthornError('invalid_name', `group: expected ${WIDE_NAME_RULE}`);
}

/** What codes mean to a member of a group, where that is not what they mean elsewhere. */
const GROUP_CODES: Partial<Record<PosthornErrorCode, KafkaError>> = {
  invalid_name: 'INVALID_GROUP_ID',
  invalid_argument: 'INVALID_GROUP_ID',
  group_not_empty: 'UNKNOWN_MEMBER_ID',
  connection_failed: 'COORDINATOR_NOT_AVAILABLE',
  timeout: 'COORDINATOR_NOT_AVAILABLE',
  no_reply: 'COORDINATOR_NOT_AVAILABLE',
  unavailable: 'COORDINATOR_NOT_AVAILABLE',
};

export function groupFailure(error: unknown): KafkaFailure {
  const { code, message } = asPosthornError(error);
  const name = GROUP_CODES[code];
  return name === undefined ? failureOf(error, 'group') : kafkaFailure(name, message);
}

function codeError(code: string): PosthornError {
  return new PosthornError(code as PosthornErrorCode, code, { status: 409 });
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
