/** InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn: producers and their transactions. */

import {
  PRODUCER_EPOCH_MAX,
  TRANSACTION_TIMEOUT_MS_MAX,
  TRANSACTION_TIMEOUT_MS_MIN,
} from '../../../protocol/limits.ts';
import { isName, isWideName } from '../../../protocol/names/name-rule.ts';
import type { ProducerReply } from '../../../protocol/schemas/producers.ts';
import type { TransactionEndReply } from '../../../protocol/schemas/transactions.ts';
import { jsonBody } from '../../../sdk/client/transport.ts';
import { asPosthornError, type PosthornErrorCode } from '../../../sdk/errors.ts';
import { ERRORS, type KafkaError } from '../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';
import type { Handler, Session } from '../session.ts';
import { claimOf } from './groups.ts';
import { answerOf, AS_KAFKA_DOES, commit, type CommittedTopic } from './offsets.ts';

/** Who calls, in every request. */
interface Caller {
  transactionalId: string;
  producerId: number;
  producerEpoch: number;
}

interface InitProducerIdRequest {
  transactionalId: string | null;
  transactionTimeoutMs: number;
  /** -1 for a new instance; otherwise the instance goes on after a failure. */
  producerId: number;
  producerEpoch: number;
}

const NOBODY = { producerId: -1, producerEpoch: -1 };

/** From these versions on clients know that another instance has taken their place. Before, that their epoch is invalid. */
const FENCED_VERSIONS = { InitProducerId: 4, AddPartitionsToTxn: 2, AddOffsetsToTxn: 2, EndTxn: 2 };

/** From this version on the end of a transaction gives the epoch of the next one (KIP-890). Before, the epoch stays. */
const NEXT_EPOCH_VERSION = 5;

export const initProducerId: Handler<InitProducerIdRequest> = async (session, request, version) => {
  const { transactionalId, transactionTimeoutMs: timeoutMs } = request;
  if (transactionalId !== null && (timeoutMs <= 0 || timeoutMs > TRANSACTION_TIMEOUT_MS_MAX)) {
    const message = `expected a transaction timeout up to ${TRANSACTION_TIMEOUT_MS_MAX} ms`;
    return { ...kafkaFailure('INVALID_TRANSACTION_TIMEOUT', message), ...NOBODY };
  }
  if (transactionalId !== null && !isWideName(transactionalId)) {
    return { ...kafkaFailure('INVALID_REQUEST', 'there can be no such transactional id'), ...NOBODY };
  }
  const declare = (body: object): Promise<ProducerReply> =>
    session.client.transport.json({ method: 'POST', path: '/producers', ...jsonBody(body) });
  try {
    const identity = await declare(
      transactionalId === null ? {} : declarationOf(transactionalId, request),
    ).catch((error: unknown) => {
      const isNew = asPosthornError(error).code === 'transaction_not_found';
      if (transactionalId === null || !isNew) throw error;
      // Of an id that is new Kafka does not ask who the producer was before. Some clients say 0 then.
      return declare(declarationOf(transactionalId, { ...request, producerId: -1 }));
    });
    return { errorCode: ERRORS.NONE, producerId: identity.id, producerEpoch: identity.epoch };
  } catch (error) {
    if (transactionalId === null) return { ...failureOf(error, 'cluster'), ...NOBODY };
    return { ...transactionFailure(error, version >= FENCED_VERSIONS.InitProducerId), ...NOBODY };
  }
};

function declarationOf(transactionalId: string, request: InitProducerIdRequest): object {
  const { transactionTimeoutMs, producerId: id, producerEpoch: epoch } = request;
  return {
    transactional_id: transactionalId,
    transaction_timeout_ms: Math.max(TRANSACTION_TIMEOUT_MS_MIN, transactionTimeoutMs),
    ...(id >= 0 && { producer: { id, epoch: Math.max(0, epoch) } }),
  };
}

interface AddPartitionsToTxnRequest {
  v3AndBelowTransactionalId: string;
  v3AndBelowProducerId: number;
  v3AndBelowProducerEpoch: number;
  v3AndBelowTopics: { name: string; partitions: number[] }[];
}

export const addPartitionsToTxn: Handler<AddPartitionsToTxnRequest> = async (session, request, version) => {
  const topics = request.v3AndBelowTopics;
  const caller: Caller = {
    transactionalId: request.v3AndBelowTransactionalId,
    producerId: request.v3AndBelowProducerId,
    producerEpoch: request.v3AndBelowProducerEpoch,
  };
  const all = topics.flatMap(({ name, partitions }) =>
    partitions.map((partition) => ({ topic: name, partition })),
  );
  const failure = all.every(({ topic, partition }) => isName(topic) && partition >= 0)
    ? await open(session, caller, all, version >= FENCED_VERSIONS.AddPartitionsToTxn)
    : kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', 'there can be no such topic');
  return {
    resultsByTopicV3AndBelow: topics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({
        partitionIndex,
        partitionErrorCode: failure?.errorCode ?? ERRORS.NONE,
      })),
    })),
  };
};

/** The offsets say which partitions they are in. */
export const addOffsetsToTxn: Handler<Caller> = async (session, caller, version) => {
  const failure = await open(session, caller, [], version >= FENCED_VERSIONS.AddOffsetsToTxn);
  return failure ?? { errorCode: ERRORS.NONE };
};

interface TxnOffsetCommitRequest extends Caller {
  groupId: string;
  generationIdOrMemberEpoch: number;
  memberId: string;
  groupInstanceId: string | null;
  topics: CommittedTopic[];
}

export const txnOffsetCommit: Handler<TxnOffsetCommitRequest> = async ({ client }, request) => {
  const { groupId, generationIdOrMemberEpoch: generation, memberId, groupInstanceId } = request;
  const topics = request.topics.map((topic) => ({ topic, name: topic.name }));
  const outcomes = await commit(topics, groupId, async (offsets) => {
    // Clients before version 3 say nothing of the member. Their transactional id alone fences them.
    const isUnclaimed = generation < 0 && memberId === '';
    const claim = isUnclaimed ? null : claimOf(memberId, groupInstanceId, generation);
    const call = callOf(request, 'offsets', {
      group: groupId,
      offsets,
      ...AS_KAFKA_DOES,
      ...(claim === null
        ? { is_unclaimed: true }
        : { member_id: claim.memberId, generation: claim.generation, instance_id: claim.instanceId }),
    });
    return await client.transport.json(call);
  });
  for (const [key, code] of outcomes) {
    if (code === ERRORS.UNSTABLE_OFFSET_COMMIT) outcomes.set(key, ERRORS.COORDINATOR_LOAD_IN_PROGRESS);
  }
  return { topics: answerOf(topics, outcomes) };
};

interface EndTxnRequest extends Caller {
  committed: boolean;
}

export const endTxn: Handler<EndTxnRequest> = async (session, request, version) => {
  const givesEpoch = version >= NEXT_EPOCH_VERSION;
  try {
    const { transport } = session.client;
    const call = callOf(request, request.committed ? 'commit' : 'abort', { keep_epoch: !givesEpoch });
    const { producer } = await transport.json<TransactionEndReply>(call);
    const next = givesEpoch ? await withEpochsLeft(session, request.transactionalId, producer) : producer;
    return { errorCode: ERRORS.NONE, producerId: next.id, producerEpoch: next.epoch };
  } catch (error) {
    return { ...transactionFailure(error, version >= FENCED_VERSIONS.EndTxn, request), ...NOBODY };
  }
};

/** Epochs end. After the last one comes the first of another producer. */
async function withEpochsLeft(
  { client }: Session,
  transactionalId: string,
  producer: ProducerReply,
): Promise<ProducerReply> {
  if (producer.epoch < PRODUCER_EPOCH_MAX) return producer;
  const body = { transactional_id: transactionalId, producer };
  return await client.transport.json<ProducerReply>({
    method: 'POST',
    path: '/producers',
    ...jsonBody(body),
  });
}

async function open(
  { client }: Session,
  caller: Caller,
  partitions: readonly { topic: string; partition: number }[],
  knowsFencing: boolean,
): Promise<KafkaFailure | null> {
  try {
    await client.transport.json(callOf(caller, 'partitions', { partitions }));
    return null;
  } catch (error) {
    return transactionFailure(error, knowsFencing, caller);
  }
}

function callOf(
  { transactionalId, producerId: id, producerEpoch: epoch }: Caller,
  what: string,
  fields: object,
): { method: 'POST'; path: string } & ReturnType<typeof jsonBody> {
  const path = `/transactions/${encodeURIComponent(transactionalId)}/${what}`;
  return { method: 'POST', path, ...jsonBody({ producer: { id, epoch }, ...fields }) };
}

/** What codes mean for a transaction, if that is not what they mean elsewhere. */
const TRANSACTION_CODES: Partial<Record<PosthornErrorCode, KafkaError>> = {
  connection_failed: 'COORDINATOR_NOT_AVAILABLE',
  timeout: 'COORDINATOR_NOT_AVAILABLE',
  no_reply: 'COORDINATOR_NOT_AVAILABLE',
  unavailable: 'COORDINATOR_NOT_AVAILABLE',
};

/** @param caller who has to be the producer of the transactional id; for a new instance none */
function transactionFailure(error: unknown, knowsFencing: boolean, caller?: Caller): KafkaFailure {
  const { code, message, details } = asPosthornError(error);
  const { producer_id: current } = details as { producer_id?: number };
  if (code === 'producer_fenced' && caller && current !== undefined && current !== caller.producerId)
    return kafkaFailure('INVALID_PRODUCER_ID_MAPPING', message);
  if (code === 'producer_fenced' && knowsFencing) return kafkaFailure('PRODUCER_FENCED', message);
  const name = TRANSACTION_CODES[code];
  return name === undefined ? failureOf(error, 'transaction') : kafkaFailure(name, message);
}
