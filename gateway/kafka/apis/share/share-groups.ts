/** ShareGroupHeartbeat, ShareGroupDescribe: who takes part in share groups (KIP-932), and which partitions they are told to read. */

import { describeEach, type DescribeRequest } from '../../broker/authorized-operations.ts';
import { SHARE_TOPICS_MAX } from '../../../../protocol/limits.ts';
import { isName, NAME_RULE } from '../../../../protocol/names/name-rule.ts';
import { CLIENT_ID_LENGTH_MAX } from '../../../../protocol/schemas/classic-groups.ts';
import { asPosthornError, PosthornError } from '../../../../sdk/errors.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { kafkaFailure, type KafkaFailure } from '../../broker/broker-errors.ts';
import type { KnownTopic } from '../../broker/topic-directory.ts';
import type { Handler, Session } from '../../session.ts';
import { shareOf, SHARE_MEMBERS_MAX, type ShareMember } from '../../share/share-members.ts';
import { MEMBER_ID_LENGTH_MAX } from '../../share/share-session.ts';
import { groupFailure } from '../groups.ts';

interface HeartbeatRequest {
  groupId: string;
  memberId: string;
  /** 0: the member joins. -1: it leaves. */
  memberEpoch: number;
  rackId: string | null;
  /** Null: as before. */
  subscribedTopicNames: string[] | null;
}

const JOINS = 0;
const LEAVES = -1;

/** Kafka's `group.share.heartbeat.interval.ms`. */
const HEARTBEAT_MS = 5_000;

export const shareGroupHeartbeat: Handler<HeartbeatRequest> = async (session, request) => {
  const { groupId, memberId, memberEpoch } = request;
  const { client, shareMembers, shares } = session;
  const nobody = { memberId, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null };
  const unfit = problemOf(request);
  if (unfit) return { ...nobody, ...unfit };
  const { namespace } = client;
  if (memberEpoch === LEAVES) {
    shareMembers.leave(namespace, groupId, memberId);
    shares.forgetMember(groupId, memberId);
    return { ...nobody, errorCode: ERRORS.NONE, errorMessage: null, memberEpoch: LEAVES };
  }
  const before = shareMembers.get(namespace, groupId, memberId);
  if (before === null && memberEpoch !== JOINS) {
    return { ...nobody, ...kafkaFailure('UNKNOWN_MEMBER_ID', `group "${groupId}" has no such member`) };
  }
  const isPut = shareMembers.put(namespace, groupId, {
    memberId,
    clientId: session.clientId().slice(0, CLIENT_ID_LENGTH_MAX).toWellFormed(),
    clientHost: session.clientHost,
    rackId: request.rackId ?? before?.rackId ?? null,
    topics: request.subscribedTopicNames ?? before!.topics,
    heardMs: performance.now(),
    by: shares,
  });
  if (!isPut) {
    return {
      ...nobody,
      ...kafkaFailure('GROUP_MAX_SIZE_REACHED', `a share group has at most ${SHARE_MEMBERS_MAX} members`),
    };
  }
  shares.noteMember(groupId, memberId);
  const member = shareMembers.get(namespace, groupId, memberId)!;
  try {
    const topics = await topicsOf(session, member);
    const names = topics.map(({ topic }) => topic);
    await shareMembers.declared(namespace, groupId, names, () => declare(session, groupId, names));
    return {
      errorCode: ERRORS.NONE,
      errorMessage: null,
      memberId,
      memberEpoch: member.epoch,
      heartbeatIntervalMs: HEARTBEAT_MS,
      assignment: { topicPartitions: assignedTo(session, groupId, member, topics) },
    };
  } catch (error) {
    return { ...nobody, ...shareFailure(error) };
  }
};

function problemOf({
  groupId,
  memberId,
  memberEpoch,
  subscribedTopicNames,
}: HeartbeatRequest): KafkaFailure | null {
  if (!isName(groupId)) return kafkaFailure('INVALID_GROUP_ID', `group: expected ${NAME_RULE}`);
  if (memberId === '' || memberId.length > MEMBER_ID_LENGTH_MAX)
    return invalid('the request names no member');
  if (memberEpoch < LEAVES) return invalid(`there is no epoch ${memberEpoch}`);
  if (memberEpoch === JOINS && (subscribedTopicNames ?? []).length === 0) {
    return invalid('a member that joins says what it reads');
  }
  const wrong = subscribedTopicNames?.find((name) => !isName(name));
  if (wrong !== undefined) return kafkaFailure('INVALID_TOPIC_EXCEPTION', `there can be no topic "${wrong}"`);
  const count = subscribedTopicNames?.length ?? 0;
  return count > SHARE_TOPICS_MAX ? invalid(`${count} topics; ${SHARE_TOPICS_MAX} are the most`) : null;
}

const invalid = (message: string): KafkaFailure => kafkaFailure('INVALID_REQUEST', message);

/** Those that are there. */
async function topicsOf({ client }: Session, { topics }: ShareMember): Promise<KnownTopic[]> {
  const known = await Promise.all([...new Set(topics)].map((name) => client.directory.get(name)));
  return known.filter((topic) => topic !== null);
}

/** As Kafka does, a group that is not there begins at the end of its topics. */
export async function declare(
  { client: { shareGroups } }: Session,
  group: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const found = await shareGroups.describe(group).catch((error: unknown) => {
    if (asPosthornError(error).code === 'share_group_not_found') return null;
    throw error;
  });
  if (found === null) return (await shareGroups.put(group, { topics: [...names], start: 'latest' })).topics;
  const topics = [...new Set([...found.topics, ...names])];
  if (topics.length === found.topics.length) return topics;
  if (topics.length > SHARE_TOPICS_MAX) {
    throw new PosthornError('invalid_field', `a share group reads at most ${SHARE_TOPICS_MAX} topics`);
  }
  const { lockDurationMs, deliveryLimit, deadLetter, start } = found;
  return (await shareGroups.put(group, { topics, lockDurationMs, deliveryLimit, deadLetter, start })).topics;
}

function assignedTo(
  { client, shareMembers }: Session,
  group: string,
  { memberId }: ShareMember,
  topics: readonly KnownTopic[],
): { topicId: string; topicName: string; partitions: number[] }[] {
  const members = shareMembers.of(client.namespace, group, performance.now());
  return topics.map(({ topic, uuid, partitions }) => {
    const readers = members.filter((each) => each.topics.includes(topic)).map((each) => each.memberId);
    return { topicId: uuid, topicName: topic, partitions: shareOf(readers, memberId, partitions) };
  });
}

export function shareFailure(error: unknown): KafkaFailure {
  const { code, message } = asPosthornError(error);
  return code === 'invalid_field' ? invalid(message) : groupFailure(error);
}

const UNDESCRIBED = { groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] };

export const shareGroupDescribe: Handler<DescribeRequest> = (session, request) =>
  describeEach(session, request, (group) => describe(session, group));

async function describe(session: Session, group: string): Promise<object> {
  const { client, shareMembers } = session;
  try {
    if (!isName(group)) throw new PosthornError('invalid_name', `group: expected ${NAME_RULE}`);
    await client.shareGroups.describe(group);
    const members = shareMembers.of(client.namespace, group, performance.now());
    const epoch = shareMembers.epochOf(client.namespace, group);
    return {
      errorCode: ERRORS.NONE,
      errorMessage: null,
      groupState: members.length > 0 ? 'Stable' : 'Empty',
      groupEpoch: epoch,
      assignmentEpoch: epoch,
      assignorName: 'simple',
      members: await Promise.all(members.map((member) => described(session, group, member))),
    };
  } catch (error) {
    return { ...UNDESCRIBED, ...groupFailure(error) };
  }
}

async function described(session: Session, group: string, member: ShareMember): Promise<object> {
  const topics = await topicsOf(session, member);
  return {
    memberId: member.memberId,
    rackId: member.rackId,
    memberEpoch: member.epoch,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: member.topics,
    assignment: { topicPartitions: assignedTo(session, group, member, topics) },
  };
}
