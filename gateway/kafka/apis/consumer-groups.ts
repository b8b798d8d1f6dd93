/** ConsumerGroupHeartbeat, ConsumerGroupDescribe: groups that the broker assigns to (KIP-848). */

import { describeEach, type DescribeRequest } from '../broker/authorized-operations.ts';
import { randomUUID } from 'node:crypto';
import { GROUP_TOPICS_MAX, SESSION_TIMEOUT_MS_DEFAULT } from '../../../protocol/limits.ts';
import { isName } from '../../../protocol/names/name-rule.ts';
import { CLIENT_ID_LENGTH_MAX, REBALANCE_TIMEOUT_MS_MAX } from '../../../protocol/schemas/classic-groups.ts';
import type { GroupMember } from '../../../sdk/admin/groups.ts';
import { asPosthornError } from '../../../sdk/errors.ts';
import type { AssignedPartition } from '../../../sdk/values/assigned-partition.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { topicUuid } from '../broker/identities.ts';
import { kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';
import type { Handler, Session } from '../session.ts';
import { TopicPattern } from '../topics/topic-pattern.ts';
import { checkGroup, groupFailure } from './groups.ts';

interface HeldTopic {
  topicId: string;
  partitions: number[];
}

interface HeartbeatRequest {
  groupId: string;
  /** Empty in version 0 from a member that joins. */
  memberId: string;
  memberEpoch: number;
  instanceId: string | null;
  rackId: string | null;
  /** -1: as before. */
  rebalanceTimeoutMs: number;
  /** Null: as before. */
  subscribedTopicNames: string[] | null;
  subscribedTopicRegex: string | null | undefined;
  serverAssignor: string | null;
  /** Null: those that it has named last. */
  topicPartitions: HeldTopic[] | null;
}

const JOINS = 0;

/** Kafka's names of what assigns, and ours. */
const ASSIGNORS = { uniform: 'sticky-cooperative', range: 'range' } as const;
type AssignorName = keyof typeof ASSIGNORS;

/** Above it the assignments of a connection's members are told again and again. */
const ASSIGNMENTS_MAX = 1_000;

export const consumerGroupHeartbeat: Handler<HeartbeatRequest> = async (session, request) => {
  const { groupId, memberEpoch } = request;
  const memberId = request.memberId === '' && memberEpoch === JOINS ? randomUUID() : request.memberId;
  const nobody = { memberId, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null };
  const unfit = problemOf(request);
  if (unfit) return { ...nobody, ...unfit };
  try {
    checkGroup(groupId);
    const topics = await topicsOf(session, { ...request, memberId });
    if (topics !== undefined && !Array.isArray(topics)) return { ...nobody, ...topics };
    const reply = await session.client.groups.member(groupId, {
      memberId,
      epoch: memberEpoch,
      instanceId: request.instanceId ?? undefined,
      topics,
      assignor:
        request.serverAssignor === null ? undefined : ASSIGNORS[request.serverAssignor as AssignorName],
      rack: request.rackId !== null && isName(request.rackId) ? request.rackId : undefined,
      sessionTimeoutMs: SESSION_TIMEOUT_MS_DEFAULT,
      rebalanceTimeoutMs:
        request.rebalanceTimeoutMs > 0
          ? Math.min(request.rebalanceTimeoutMs, REBALANCE_TIMEOUT_MS_MAX)
          : undefined,
      partitions:
        request.topicPartitions === null ? undefined : await heldOf(session, request.topicPartitions),
      clientId: session.clientId().slice(0, CLIENT_ID_LENGTH_MAX).toWellFormed(),
      clientHost: session.clientHost,
    });
    const { epoch, assignment = [], heartbeatIntervalMs = 0 } = reply;
    if (epoch < JOINS) {
      session.patterns.delete(keyOf(groupId, memberId));
      session.assignments.delete(keyOf(groupId, memberId));
      return { ...nobody, errorCode: ERRORS.NONE, errorMessage: null, memberEpoch: epoch };
    }
    const isTold = memberEpoch !== JOINS && isKnown(session, groupId, memberId, assignment);
    noteTold(session, groupId, memberId, assignment);
    return {
      errorCode: ERRORS.NONE,
      errorMessage: null,
      memberId,
      memberEpoch: epoch,
      heartbeatIntervalMs,
      assignment: isTold ? null : { topicPartitions: byTopic(session, assignment) },
    };
  } catch (error) {
    session.assignments.delete(keyOf(groupId, memberId));
    return { ...nobody, ...memberFailure(error) };
  }
};

function problemOf(request: HeartbeatRequest): KafkaFailure | null {
  const { memberId, memberEpoch, serverAssignor, subscribedTopicNames, subscribedTopicRegex } = request;
  if (memberId === '' && memberEpoch !== JOINS) return invalid('the request names no member');
  if (memberEpoch < -2) return invalid(`there is no epoch ${memberEpoch}`);
  if (memberEpoch === -2 && request.instanceId === null) return invalid('epoch -2 is for static members');
  if (serverAssignor !== null && !Object.hasOwn(ASSIGNORS, serverAssignor)) {
    const names = Object.keys(ASSIGNORS).join(', ');
    return kafkaFailure(
      'UNSUPPORTED_ASSIGNOR',
      `there is no assignor "${serverAssignor}"; there are ${names}`,
    );
  }
  if (memberEpoch === JOINS && subscribedTopicNames === null && !subscribedTopicRegex) {
    return invalid('a member that joins says what it reads');
  }
  if (memberEpoch === JOINS && (request.topicPartitions?.length ?? 0) > 0) {
    return invalid('a member that joins works on no partitions');
  }
  const wrong = subscribedTopicNames?.find((name) => !isName(name));
  if (wrong !== undefined) return kafkaFailure('INVALID_TOPIC_EXCEPTION', `there can be no topic "${wrong}"`);
  const count = new Set(subscribedTopicNames).size;
  return count > GROUP_TOPICS_MAX ? invalid(`${count} topics; ${GROUP_TOPICS_MAX} are the most`) : null;
}

/**
 * The topics that the member reads: those that it names, and those that match its regular expression now. Undefined: as before.
 * Clients that have lost their connection send both again.
 */
async function topicsOf(
  { client, patterns }: Session,
  { groupId, memberId, subscribedTopicNames, subscribedTopicRegex, memberEpoch }: HeartbeatRequest,
): Promise<string[] | undefined | KafkaFailure> {
  const key = keyOf(groupId, memberId);
  const known = memberEpoch === JOINS ? undefined : patterns.get(key);
  const names = subscribedTopicNames ?? known?.names ?? [];
  if (subscribedTopicRegex === '') patterns.delete(key);
  if (subscribedTopicRegex === '' && known) return [...names];
  const text = subscribedTopicRegex || known?.pattern.text;
  if (text === undefined || memberEpoch < JOINS) return subscribedTopicNames ?? undefined;
  const pattern = known?.pattern.text === text ? known.pattern : TopicPattern.compile(text);
  if (typeof pattern === 'string') return kafkaFailure('INVALID_REGULAR_EXPRESSION', pattern);
  const matched = await pattern.matched(await client.directory.names());
  const topics = [...new Set([...names, ...matched])];
  if (topics.length > GROUP_TOPICS_MAX) {
    return invalid(`${topics.length} topics match; ${GROUP_TOPICS_MAX} are the most`);
  }
  if (!patterns.has(key) && patterns.size >= ASSIGNMENTS_MAX) {
    return invalid(`a connection has at most ${ASSIGNMENTS_MAX} members with regular expressions`);
  }
  patterns.set(key, { pattern, names });
  return topics;
}

const invalid = (message: string): KafkaFailure => kafkaFailure('INVALID_REQUEST', message);

/** Of a topic that is gone nothing is held. */
async function heldOf(
  { client }: Session,
  topics: readonly HeldTopic[],
): Promise<{ topic: string; topicId: number; partition: number }[]> {
  const held = topics.map(async ({ topicId, partitions }) => {
    const known = await client.directory.byUuid(topicId);
    if (known === null) return [];
    return partitions.map((partition) => ({ topic: known.topic, topicId: known.topicId, partition }));
  });
  return (await Promise.all(held)).flat();
}

const keyOf = (group: string, memberId: string): string => `${group}\0${memberId}`;
const textOf = (assignment: readonly AssignedPartition[]): string =>
  assignment.map(({ topicId, partition }) => `${topicId}/${partition}`).join();

function isKnown(
  { assignments }: Session,
  group: string,
  memberId: string,
  assignment: readonly AssignedPartition[],
): boolean {
  return assignments.get(keyOf(group, memberId)) === textOf(assignment);
}

function noteTold(
  { assignments }: Session,
  group: string,
  memberId: string,
  assignment: readonly AssignedPartition[],
): void {
  const key = keyOf(group, memberId);
  if (assignments.has(key) || assignments.size < ASSIGNMENTS_MAX) assignments.set(key, textOf(assignment));
}

/** Whether the connection has heard of the member as one that the broker assigns to. */
export function isAssignedMember({ assignments }: Session, group: string, memberId: string): boolean {
  return assignments.has(keyOf(group, memberId));
}

function byTopic({ client }: Session, assignment: readonly AssignedPartition[]): object[] {
  const topics = Map.groupBy(assignment, ({ topicId }) => topicId);
  return [...topics].map(([topicId, places]) => ({
    topicId: topicUuid(client.namespace, topicId),
    topicName: places[0]!.topic,
    partitions: places.map(({ partition }) => partition),
  }));
}

/** Members begin anew after these. */
function memberFailure(error: unknown): KafkaFailure {
  const { code, message } = asPosthornError(error);
  if (code === 'stale_epoch') return kafkaFailure('FENCED_MEMBER_EPOCH', message);
  if (code === 'group_not_found') return kafkaFailure('UNKNOWN_MEMBER_ID', message);
  return groupFailure(error);
}

/** A member of the consumer protocol, and not one of a classic group that is changing over. */
const CONSUMER_MEMBER = 1;

export const consumerGroupDescribe: Handler<DescribeRequest> = (session, request) =>
  describeEach(session, request, (group) => describe(session, group));

const UNDESCRIBED = { groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] };

async function describe(session: Session, group: string): Promise<object> {
  try {
    checkGroup(group);
    const { state, epoch, assignor, members, classic } = await session.client.groups.describe(group);
    if (classic?.protocolType && members.length === 0) {
      return { ...UNDESCRIBED, ...kafkaFailure('GROUP_ID_NOT_FOUND', `group "${group}" is a classic one`) };
    }
    const [assignorName = assignor] = Object.entries(ASSIGNORS).find(([, ours]) => ours === assignor) ?? [];
    return {
      errorCode: ERRORS.NONE,
      errorMessage: null,
      groupState: { empty: 'Empty', stable: 'Stable', reconciling: 'Reconciling' }[state],
      groupEpoch: epoch,
      assignmentEpoch: epoch,
      assignorName,
      members: members.map((member) => described(session, group, member, epoch)),
    };
  } catch (error) {
    return { ...UNDESCRIBED, ...groupFailure(error) };
  }
}

function described(session: Session, group: string, member: GroupMember, epoch: number): object {
  const assignment = { topicPartitions: byTopic(session, [...member.assignment, ...member.revoking]) };
  return {
    memberId: member.memberId,
    instanceId: member.instanceId,
    rackId: member.rack,
    memberEpoch: epoch,
    clientId: member.clientId ?? '',
    clientHost: member.clientHost ?? '',
    subscribedTopicNames: member.topics,
    subscribedTopicRegex: session.patterns.get(keyOf(group, member.memberId))?.pattern.text ?? null,
    assignment,
    targetAssignment: { topicPartitions: byTopic(session, member.assignment) },
    memberType: CONSUMER_MEMBER,
  };
}
