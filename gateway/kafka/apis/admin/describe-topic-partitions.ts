/** DescribeTopicPartitions: partitions of topics in pages, in the order of their names. A cursor says where the next page begins. */

import { isName } from '../../../../protocol/names/name-rule.ts';
import { ZERO_UUID } from '../../../../wire/kafka/codec/codec.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { authorizedOperations } from '../../broker/authorized-operations.ts';
import { failureOf } from '../../broker/broker-errors.ts';
import type { KnownTopic } from '../../broker/topic-directory.ts';
import { LEADER_EPOCH, NODE_ID, type Handler, type Session } from '../../session.ts';

interface Cursor {
  topicName: string;
  partitionIndex: number;
}

interface DescribeTopicPartitionsRequest {
  /** None: all. */
  topics: { name: string }[];
  responsePartitionLimit: number;
  cursor: Cursor | null;
}

/** Kafka's `max.request.partition.size.limit`. */
const PARTITIONS_OF_PAGE_MAX = 2_000;

type Found = KnownTopic | { topic: string; errorCode: number };

export const describeTopicPartitions: Handler<DescribeTopicPartitionsRequest> = async (
  session,
  { topics: asked, responsePartitionLimit, cursor },
) => {
  let room = Math.max(1, Math.min(responsePartitionLimit, PARTITIONS_OF_PAGE_MAX));
  const names = asked.length === 0 ? null : [...new Set(asked.map(({ name }) => name))];
  const after = (name: string): boolean => cursor === null || name >= cursor.topicName;
  const found: Found[] =
    names === null
      ? (await session.client.directory.list()).filter(({ topic }) => after(topic))
      : names.filter(after).map((topic) => ({ topic, errorCode: ERRORS.NONE }));
  const topics: object[] = [];
  for (const each of found.toSorted((a, b) => (a.topic < b.topic ? -1 : 1))) {
    const start = each.topic === cursor?.topicName ? Math.max(0, cursor.partitionIndex) : 0;
    if (room === 0) return { topics, nextCursor: { topicName: each.topic, partitionIndex: start } };
    const one = 'errorCode' in each ? await look(session, each.topic) : each;
    if ('errorCode' in one) {
      topics.push({ errorCode: one.errorCode, name: one.topic, topicId: ZERO_UUID, partitions: [] });
      continue;
    }
    const end = Math.min(one.partitions, start + room);
    room -= Math.max(0, end - start);
    topics.push(described(session, one, start, end));
    if (end < one.partitions) return { topics, nextCursor: { topicName: one.topic, partitionIndex: end } };
  }
  return { topics, nextCursor: null };
};

async function look({ client: { directory } }: Session, topic: string): Promise<Found> {
  if (!isName(topic)) return { topic, errorCode: ERRORS.INVALID_TOPIC_EXCEPTION };
  try {
    return (await directory.get(topic)) ?? { topic, errorCode: ERRORS.UNKNOWN_TOPIC_OR_PARTITION };
  } catch (error) {
    return { topic, errorCode: failureOf(error, 'topic').errorCode };
  }
}

function described(session: Session, { topic, uuid }: KnownTopic, start: number, end: number): object {
  return {
    errorCode: ERRORS.NONE,
    name: topic,
    topicId: uuid,
    isInternal: false,
    partitions: Array.from({ length: Math.max(0, end - start) }, (_, nth) => ({
      errorCode: ERRORS.NONE,
      partitionIndex: start + nth,
      leaderId: NODE_ID,
      leaderEpoch: LEADER_EPOCH,
      replicaNodes: [NODE_ID],
      isrNodes: [NODE_ID],
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
      offlineReplicas: [],
    })),
    topicAuthorizedOperations: authorizedOperations(session, 'topic', true),
  };
}
