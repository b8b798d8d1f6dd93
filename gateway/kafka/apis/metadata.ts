/** Metadata: the topics, and the one broker that leads all partitions. DescribeCluster, FindCoordinator: the same broker. */

import { isName, isWideName, WIDE_NAME_RULE } from '../../../protocol/names/name-rule.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { ZERO_UUID } from '../../../wire/kafka/codec/codec.ts';
import { authorizedOperations } from '../broker/authorized-operations.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';
import { clusterId } from '../broker/identities.ts';
import type { KnownTopic } from '../broker/topic-directory.ts';
import { LEADER_EPOCH, NODE_ID, type Handler, type Session } from '../session.ts';

interface AskedTopic {
  name: string | null;
  topicId: string;
}

interface MetadataRequest {
  /** Null: all. In version 0 an empty list means all. */
  topics: AskedTopic[] | null;
  allowAutoTopicCreation: boolean;
  includeClusterAuthorizedOperations: boolean;
  includeTopicAuthorizedOperations: boolean;
}

export const metadata: Handler<MetadataRequest> = async (session, request, version) => {
  const { topics, allowAutoTopicCreation } = request;
  const topicAuthorizedOperations = authorizedOperations(
    session,
    'topic',
    request.includeTopicAuthorizedOperations,
  );
  const isAll = topics === null || (version === 0 && topics.length === 0);
  const mayCreate = session.autoCreate && (version < 4 || allowAutoTopicCreation);
  return {
    brokers: [broker(session)],
    clusterId: clusterId(session.client.namespace),
    controllerId: NODE_ID,
    topics: (isAll
      ? (await session.client.directory.list()).map(foundTopic)
      : await Promise.all(topics.map((topic) => topicOf(session, topic, mayCreate)))
    ).map((topic) => ({ ...topic, topicAuthorizedOperations })),
    clusterAuthorizedOperations: authorizedOperations(
      session,
      'cluster',
      request.includeClusterAuthorizedOperations,
    ),
  };
};

export const describeCluster: Handler<{ includeClusterAuthorizedOperations: boolean }> = async (
  session,
  { includeClusterAuthorizedOperations: isAsked },
) => ({
  clusterId: clusterId(session.client.namespace),
  controllerId: NODE_ID,
  endpointType: 1,
  brokers: [{ ...broker(session), brokerId: NODE_ID }],
  clusterAuthorizedOperations: authorizedOperations(session, 'cluster', isAsked),
});

interface FindCoordinatorRequest {
  key: string;
  coordinatorKeys: string[];
}

export const findCoordinator: Handler<FindCoordinatorRequest> = async (
  session,
  { key, coordinatorKeys },
  version,
) => {
  const keys = version < 4 ? [key] : coordinatorKeys;
  const coordinators = keys.map((each) => coordinatorOf(session, each));
  return version < 4 ? { ...coordinators[0], errorMessage: null } : { coordinators };
};

/** A group or a transactional id that the broker has no name for has no coordinator either. */
function coordinatorOf(session: Session, key: string): object {
  if (isWideName(key)) return { key, ...broker(session), ...NO_FAILURE };
  return {
    key,
    nodeId: -1,
    host: '',
    port: -1,
    ...kafkaFailure('INVALID_GROUP_ID', `expected ${WIDE_NAME_RULE}`),
  };
}

const NO_FAILURE = { errorCode: ERRORS.NONE, errorMessage: null };

function broker({ address: { host, port } }: Session): object {
  return { nodeId: NODE_ID, host, port, rack: null };
}

async function topicOf(session: Session, asked: AskedTopic, mayCreate: boolean): Promise<object> {
  const { directory } = session.client;
  const { name, topicId } = asked;
  try {
    if (name === null || topicId !== ZERO_UUID) {
      const known = await directory.byUuid(topicId);
      // The name may have gone to another topic since.
      const now = known && (await directory.get(known.topic));
      return now?.uuid === topicId ? foundTopic(now) : missing(asked, ERRORS.UNKNOWN_TOPIC_ID);
    }
    if (!isName(name)) return missing(asked, ERRORS.INVALID_TOPIC_EXCEPTION);
    const found = await directory.get(name);
    if (found) return foundTopic(found);
    if (!mayCreate) return missing(asked, ERRORS.UNKNOWN_TOPIC_OR_PARTITION);
    return foundTopic(
      directory.note(await session.client.topics.declare(name, { partitions: session.partitions })),
    );
  } catch (error) {
    return missing(asked, failureOf(error, 'topic').errorCode);
  }
}

function missing({ name, topicId }: AskedTopic, errorCode: KafkaFailure['errorCode']): object {
  return { errorCode, name, topicId, partitions: [] };
}

function foundTopic({ topic, uuid, partitions }: KnownTopic): object {
  return {
    errorCode: ERRORS.NONE,
    name: topic,
    topicId: uuid,
    isInternal: false,
    partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({
      partitionIndex,
      leaderId: NODE_ID,
      leaderEpoch: LEADER_EPOCH,
      replicaNodes: [NODE_ID],
      isrNodes: [NODE_ID],
    })),
  };
}
