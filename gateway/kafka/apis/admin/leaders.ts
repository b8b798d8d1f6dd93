/**
 * ElectLeaders, AlterPartitionReassignments, ListPartitionReassignments: which broker leads and keeps a partition. There is one broker,
 * which has them all, so there is nothing to elect and nothing to move.
 */

import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../../broker/broker-errors.ts';
import { NODE_ID, type Handler, type Session } from '../../session.ts';

const NO_FAILURE = { errorCode: ERRORS.NONE, errorMessage: null };

interface ElectLeadersRequest {
  /** Null: all, of which those are told that need an election. */
  topicPartitions: { topic: string; partitions: number[] }[] | null;
}

export const electLeaders: Handler<ElectLeadersRequest> = async (session, { topicPartitions }) => ({
  errorCode: ERRORS.NONE,
  replicaElectionResults: await Promise.all(
    (topicPartitions ?? []).map(async ({ topic, partitions }) => {
      const missing = await missingOf(session, topic);
      return {
        topic,
        partitionResult: partitions.map((partitionId) => ({
          partitionId,
          ...(missing(partitionId) ?? kafkaFailure('ELECTION_NOT_NEEDED', 'the one broker leads it')),
        })),
      };
    }),
  ),
});

interface AlterPartitionReassignmentsRequest {
  allowReplicationFactorChange: boolean;
  /** Replicas of null: what is under way ends. */
  topics: { name: string; partitions: { partitionIndex: number; replicas: number[] | null }[] }[];
}

export const alterPartitionReassignments: Handler<AlterPartitionReassignmentsRequest> = async (
  session,
  { allowReplicationFactorChange, topics },
) => ({
  ...NO_FAILURE,
  allowReplicationFactorChange,
  responses: await Promise.all(
    topics.map(async ({ name, partitions }) => {
      const missing = await missingOf(session, name);
      return {
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => ({
          partitionIndex,
          ...(missing(partitionIndex) ?? outcomeOf(replicas)),
        })),
      };
    }),
  ),
});

function outcomeOf(replicas: readonly number[] | null): KafkaFailure | typeof NO_FAILURE {
  if (replicas === null) return kafkaFailure('NO_REASSIGNMENT_IN_PROGRESS', 'nothing moves the partition');
  if (replicas.length === 1 && replicas[0] === NODE_ID) return NO_FAILURE;
  return kafkaFailure('INVALID_REPLICA_ASSIGNMENT', `the one broker is ${NODE_ID}`);
}

export const listPartitionReassignments: Handler<unknown> = async () => ({ ...NO_FAILURE, topics: [] });

/** Returns what to say of partitions of a topic that are not there, or that the client may not see. */
async function missingOf(
  { client: { directory } }: Session,
  topic: string,
): Promise<(partition: number) => KafkaFailure | null> {
  try {
    const count = (await directory.get(topic))?.partitions ?? 0;
    return (partition) =>
      partition >= 0 && partition < count
        ? null
        : kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${partition} of "${topic}"`);
  } catch (error) {
    const failure = failureOf(error, 'topic');
    return () => failure;
  }
}
