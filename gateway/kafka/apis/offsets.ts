/** OffsetCommit, OffsetFetch, OffsetDelete: the offsets of groups, which the broker keeps in the partitions. */

import {
  OFFSET_EARLIEST,
  OFFSET_METADATA_BYTES_MAX,
  OFFSET_NONE,
  PARTITIONS_MAX,
} from '../../../protocol/limits.ts';
import { isName } from '../../../protocol/names/name-rule.ts';
import type { Committed, NamedOffset } from '../../../protocol/schemas/groups.ts';
import { groupPath } from '../../../sdk/client/names.ts';
import { jsonBody } from '../../../sdk/client/transport.ts';
import { asPosthornError, PosthornError, type PosthornErrorCode } from '../../../sdk/errors.ts';
import type { GroupOffset } from '../../../sdk/admin/groups.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { ZERO_UUID } from '../../../wire/kafka/codec/codec.ts';
import type { Handler, Session } from '../session.ts';
import { isAssignedMember } from './consumer-groups.ts';
import { checkGroup, claimOf, groupFailure } from './groups.ts';

interface OffsetCommitRequest {
  groupId: string;
  generationIdOrMemberEpoch: number;
  memberId: string;
  groupInstanceId: string | null;
  topics: CommittedTopic[];
}

export interface CommittedTopic {
  name: string;
  topicId: string;
  partitions: {
    partitionIndex: number;
    committedOffset: number;
    /** -1: the client does not know it. */
    committedLeaderEpoch?: number;
    committedMetadata: string | null;
  }[];
}

/** Fields of a commit that this broker would refuse, and Kafka does not. */
export const AS_KAFKA_DOES = { allow_past_end: true, allow_pending: true };

/** From version 10 on topics are named by their UUIDs. */
const COMMIT_TOPIC_IDS_VERSION = 10;

export const offsetCommit: Handler<OffsetCommitRequest> = async (session, request, version) => {
  const { groupId, generationIdOrMemberEpoch: generation, memberId, groupInstanceId } = request;
  const topics = await namedTopics(session, request.topics, version >= COMMIT_TOPIC_IDS_VERSION);
  const outcomes = await commit(topics, groupId, async (offsets) => {
    const isNobody = generation < 0 && memberId === '';
    const { instanceId, ...claim } = isNobody
      ? { instanceId: undefined }
      : claimOf(memberId, groupInstanceId, generation);
    const named = 'memberId' in claim ? { member_id: claim.memberId, generation: claim.generation } : {};
    const body = { ...named, instance_id: instanceId, offsets, ...AS_KAFKA_DOES };
    const call = { method: 'POST', path: `${groupPath(groupId)}/offsets`, ...jsonBody(body) } as const;
    return await session.client.transport.json<Committed>(call);
  });
  if (isAssignedMember(session, groupId, memberId)) {
    for (const [key, code] of outcomes)
      if (code === ERRORS.ILLEGAL_GENERATION) outcomes.set(key, ERRORS.STALE_MEMBER_EPOCH);
  }
  return { topics: answerOf(topics, outcomes) };
};

export interface NamedTopic {
  topic: CommittedTopic;
  /** Null if there is no topic with this id. */
  name: string | null;
}

async function namedTopics(
  { client }: Session,
  topics: readonly CommittedTopic[],
  isById: boolean,
): Promise<NamedTopic[]> {
  return await Promise.all(
    topics.map(async (topic) => {
      if (!isById) return { topic, name: topic.name };
      return {
        topic,
        name:
          topic.topicId === ZERO_UUID
            ? null
            : ((await client.directory.byUuid(topic.topicId))?.topic ?? null),
      };
    }),
  );
}

/** The code of each partition, by `topic/partition`. Each partition takes or refuses its own. */
export async function commit(
  topics: readonly NamedTopic[],
  groupId: string,
  send: (offsets: object[]) => Promise<unknown>,
): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  const offsets: object[] = [];
  for (const { name, topic } of topics) {
    for (const { partitionIndex, committedOffset, ...more } of topic.partitions) {
      const key = `${name}/${partitionIndex}`;
      const metadata = more.committedMetadata ?? '';
      const leaderEpoch = more.committedLeaderEpoch ?? -1;
      if (name === null) outcomes.set(key, ERRORS.UNKNOWN_TOPIC_ID);
      else if (!isName(name) || partitionIndex < 0) outcomes.set(key, ERRORS.UNKNOWN_TOPIC_OR_PARTITION);
      else if (Buffer.byteLength(metadata) > OFFSET_METADATA_BYTES_MAX)
        outcomes.set(key, ERRORS.OFFSET_METADATA_TOO_LARGE);
      else {
        offsets.push({
          topic: name,
          partition: partitionIndex,
          // Clients that begin anew commit -1 or -2 (kafkajs). Nobody commits what is lower.
          offset: committedOffset < OFFSET_EARLIEST ? OFFSET_NONE : committedOffset,
          ...(metadata !== '' && { metadata }),
          ...(leaderEpoch >= 0 && { leader_epoch: leaderEpoch }),
        });
      }
    }
  }
  if (offsets.length === 0) return outcomes;
  let whole = ERRORS.NONE as number;
  try {
    checkGroup(groupId);
    await send(offsets);
  } catch (cause) {
    const error = asPosthornError(cause);
    whole = groupFailure(error).errorCode;
    const { committed = [], refused = [] } = error.details as {
      committed?: NamedOffset[];
      refused?: (NamedOffset & { code: PosthornErrorCode })[];
    };
    for (const { topic, partition } of committed) outcomes.set(`${topic}/${partition}`, ERRORS.NONE);
    for (const { topic, partition, code } of refused) {
      const failure = groupFailure(new PosthornError(code, code, { status: 409 }));
      outcomes.set(`${topic}/${partition}`, failure.errorCode);
    }
  }
  for (const offset of offsets as { topic: string; partition: number }[]) {
    const key = `${offset.topic}/${offset.partition}`;
    if (!outcomes.has(key)) outcomes.set(key, whole);
  }
  return outcomes;
}

export function answerOf(topics: readonly NamedTopic[], outcomes: ReadonlyMap<string, number>): object[] {
  return topics.map(({ topic, name }) => ({
    name: topic.name,
    topicId: topic.topicId,
    partitions: topic.partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: outcomes.get(`${name}/${partitionIndex}`) ?? ERRORS.UNKNOWN_SERVER_ERROR,
    })),
  }));
}

interface FetchedTopic {
  name: string;
  topicId: string;
  partitionIndexes: number[];
}

interface OffsetFetchRequest {
  groupId: string;
  /** Null: all. */
  topics: FetchedTopic[] | null;
  groups: { groupId: string; topics: FetchedTopic[] | null }[];
  requireStable: boolean;
}

const FETCH_GROUPS_VERSION = 8;
const FETCH_TOPIC_IDS_VERSION = 10;

export const offsetFetch: Handler<OffsetFetchRequest> = async (session, request, version) => {
  const isById = version >= FETCH_TOPIC_IDS_VERSION;
  const find = (group: string, topics: FetchedTopic[] | null): Promise<FoundOffsets> =>
    offsetsOf(session, group, topics, isById, request.requireStable);
  if (version < FETCH_GROUPS_VERSION) return await find(request.groupId, request.topics);
  const groups = request.groups.map(async ({ groupId, topics }) => ({
    groupId,
    ...(await find(groupId, topics)),
  }));
  return { groups: await Promise.all(groups) };
};

interface FoundOffsets {
  errorCode: number;
  topics: object[];
}

async function offsetsOf(
  session: Session,
  group: string,
  topics: FetchedTopic[] | null,
  isById: boolean,
  isStable: boolean,
): Promise<FoundOffsets> {
  try {
    checkGroup(group);
    const found = topics === null ? await all(session, group) : await named(session, group, topics, isById);
    return { errorCode: ERRORS.NONE, topics: found.map((topic) => offsetAnswer(topic, isStable)) };
  } catch (error) {
    return { errorCode: groupFailure(error).errorCode, topics: [] };
  }
}

interface TopicOffsets {
  name: string;
  topicId: string;
  errorCode: number;
  partitions: { partition: number; found: GroupOffset | undefined }[];
}

async function all({ client }: Session, group: string): Promise<TopicOffsets[]> {
  const offsets = (await known(client.groups.offsets(group))).filter(({ offset }) => offset !== null);
  const names = [...new Set(offsets.map(({ topic }) => topic))];
  return await Promise.all(
    names.map(async (name) => ({
      name,
      topicId: (await client.directory.get(name))?.uuid ?? ZERO_UUID,
      errorCode: ERRORS.NONE,
      partitions: offsets
        .filter(({ topic }) => topic === name)
        .map((found) => ({ partition: found.partition, found })),
    })),
  );
}

async function named(
  { client }: Session,
  group: string,
  topics: readonly FetchedTopic[],
  isById: boolean,
): Promise<TopicOffsets[]> {
  return await Promise.all(
    topics.map(async ({ name: given, topicId, partitionIndexes }) => {
      const name = isById ? ((await client.directory.byUuid(topicId))?.topic ?? null) : given;
      const partitions = partitionIndexes.filter((partition) => partition >= 0 && partition < PARTITIONS_MAX);
      const offsets =
        name !== null && isName(name) && partitions.length > 0
          ? await known(client.groups.offsets(group, { topic: name, partitions }))
          : [];
      const byPartition = new Map(offsets.map((each) => [each.partition, each]));
      return {
        name: given,
        topicId,
        errorCode: name === null ? ERRORS.UNKNOWN_TOPIC_ID : ERRORS.NONE,
        partitions: partitionIndexes.map((partition) => ({
          partition,
          found: byPartition.get(partition),
        })),
      };
    }),
  );
}

/** A group or topic that is not there has committed nothing. */
async function known(reading: Promise<GroupOffset[]>): Promise<GroupOffset[]> {
  try {
    return await reading;
  } catch (cause) {
    const error = asPosthornError(cause);
    if (error.code === 'group_not_found' || error.code === 'topic_not_found') return [];
    throw error;
  }
}

function offsetAnswer({ name, topicId, errorCode, partitions }: TopicOffsets, isStable: boolean): object {
  return {
    name,
    topicId,
    partitions: partitions.map(({ partition, found }) => {
      const isPending = isStable && (found as { pending?: boolean } | undefined)?.pending === true;
      return {
        partitionIndex: partition,
        committedOffset: isPending ? -1 : (found?.offset ?? -1),
        committedLeaderEpoch: isPending ? -1 : (found?.leaderEpoch ?? -1),
        metadata: isPending ? '' : (found?.metadata ?? ''),
        errorCode: isPending ? ERRORS.UNSTABLE_OFFSET_COMMIT : errorCode,
      };
    }),
  };
}
