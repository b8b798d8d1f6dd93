/** Produce: batches pass through as the client has made them. The broker checks and stores them. */

import { isName, NAME_RULE } from '../../../protocol/names/name-rule.ts';
import { isBatchFailure, splitBatches } from '../../../protocol/record-batch/index.ts';
import { PosthornError } from '../../../sdk/errors.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';
import type { Stored } from '../produce/partition-appender.ts';
import type { Handler, Session } from '../session.ts';

interface ProduceRequest {
  transactionalId: string | null;
  /** 0: the client wants no answer, and a failure ends its connection. Everything else is stored durably before the answer. */
  acks: number;
  timeoutMs: number;
  topicData: {
    name: string;
    partitionData: { index: number; records: Uint8Array | null }[];
  }[];
}

const TIMEOUT_MS_MAX = 120_000;

/** None, the leader's, and those of all replicas, which are the same here. */
const ACKS: readonly number[] = [0, 1, -1];

export const produce: Handler<ProduceRequest> = async (session, request) => {
  const deadlineMs = performance.now() + Math.min(Math.max(0, request.timeoutMs), TIMEOUT_MS_MAX);
  const responses = await Promise.all(
    request.topicData.map(async ({ name, partitionData }) => ({
      name,
      partitionResponses: await Promise.all(
        partitionData.map(async ({ index, records }) => {
          const outcome = ACKS.includes(request.acks)
            ? await store(session, name, index, records, request.transactionalId, deadlineMs)
            : kafkaFailure('INVALID_REQUIRED_ACKS', `acks = ${request.acks}; expected 0, 1 or -1`);
          return answerOf(index, outcome);
        }),
      ),
    })),
  );
  if (request.acks !== 0) return { responses };
  const failed = responses
    .flatMap(({ partitionResponses }) => partitionResponses)
    .find(({ errorCode }) => errorCode !== ERRORS.NONE);
  if (failed) throw new PosthornError('aborted', 'records whose producer wants no answer were not stored');
  return null;
};

async function store(
  { appenders }: Session,
  topic: string,
  partition: number,
  records: Uint8Array | null,
  transactionalId: string | null,
  deadlineMs: number,
): Promise<Stored | KafkaFailure> {
  if (!isName(topic)) return kafkaFailure('INVALID_TOPIC_EXCEPTION', `expected ${NAME_RULE}`);
  const batches = splitBatches(records ?? new Uint8Array());
  if (isBatchFailure(batches)) return failureOf(new PosthornError(batches.code, batches.message), 'topic');
  if (batches.length === 0)
    return kafkaFailure('INVALID_RECORD', 'there is no record batch for the partition');
  const isTransactional = batches.some(({ header }) => header.isTransactional);
  try {
    return await appenders.get(topic, partition).append({
      bytes: records!,
      batchCount: batches.length,
      isIdempotent: batches.every(({ header }) => header.producerId >= 0),
      // Clients name their id in every request, and batches say whether they belong to a transaction.
      transactionalId: isTransactional ? transactionalId : null,
      deadlineMs,
    });
  } catch (error) {
    return failureOf(error, 'topic');
  }
}

interface ProducedPartition {
  index: number;
  errorCode: number;
  baseOffset: number;
  logAppendTimeMs: number;
  logStartOffset: number;
}

function answerOf(index: number, outcome: Stored | KafkaFailure): ProducedPartition {
  if ('errorCode' in outcome)
    return { index, ...outcome, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 };
  const { baseOffset, appendTimeMs, logStartOffset } = outcome;
  return { index, errorCode: ERRORS.NONE, baseOffset, logAppendTimeMs: appendTimeMs, logStartOffset };
}
