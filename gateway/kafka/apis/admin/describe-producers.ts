/** DescribeProducers: the producers that partitions remember, and where their open transactions begin. */

import { isName } from '../../../../protocol/names/name-rule.ts';
import type { ProducerList } from '../../../../protocol/schemas/producers.ts';
import { listAll } from '../../../../sdk/client/list-pages.ts';
import { partitionPath } from '../../../../sdk/client/names.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../../broker/broker-errors.ts';
import type { Handler, Session } from '../../session.ts';

interface DescribeProducersRequest {
  topics: { name: string; partitionIndexes: number[] }[];
}

/** Coordinators here have no epochs of their own. */
const NO_COORDINATOR_EPOCH = -1;

export const describeProducers: Handler<DescribeProducersRequest> = async (session, { topics }) => ({
  topics: await Promise.all(
    topics.map(async ({ name, partitionIndexes }) => ({
      name,
      partitions: await Promise.all(
        partitionIndexes.map(async (partitionIndex) => ({
          partitionIndex,
          ...(await describe(session, name, partitionIndex)),
        })),
      ),
    })),
  ),
});

async function describe(
  session: Session,
  topic: string,
  partition: number,
): Promise<(KafkaFailure | { errorCode: number }) & { activeProducers: object[] }> {
  if (!isName(topic) || partition < 0) {
    const failure = kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', 'there can be no such partition');
    return { ...failure, activeProducers: [] };
  }
  try {
    return { errorCode: ERRORS.NONE, activeProducers: await producersOf(session, topic, partition) };
  } catch (error) {
    return { ...failureOf(error, 'topic'), activeProducers: [] };
  }
}

async function producersOf({ client }: Session, topic: string, partition: number): Promise<object[]> {
  const path = `${partitionPath(topic, partition)}/producers`;
  const known = await listAll(client.transport, path, ({ producers }: ProducerList) => producers, {});
  return known.map(({ id, epoch, last_sequence, heard_at, transaction_start_offset }) => ({
    producerId: id,
    producerEpoch: epoch,
    lastSequence: last_sequence ?? -1,
    lastTimestamp: heard_at,
    coordinatorEpoch: NO_COORDINATOR_EPOCH,
    currentTxnStartOffset: transaction_start_offset ?? -1,
  }));
}
