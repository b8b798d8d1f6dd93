/** Checked batches: batches that a producer sent as bytes, verified in full before any of them is stored. */

import { isCompacted, type TopicDefinition } from '../../core/topology/topics.ts';
import { keyRequired } from '../../core/topology/topic-record.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { Identity } from '../../core/transaction/transaction.ts';
import {
  PRODUCER_EPOCH_MAX,
  PRODUCER_ID_MAX,
  REQUEST_INFLATED_BYTES_MAX,
  REQUEST_RECORDS_MAX,
  TIMESTAMP_AHEAD_MS_MAX,
} from '../../protocol/limits.ts';
import {
  InflateBudget,
  eachKeyOpen,
  isBatchFailure,
  splitBatches,
  type BatchHeader,
  type LocatedBatch,
  type OpenBatch,
} from '../../protocol/record-batch/index.ts';
import { inflate } from '../bounds/inflate.ts';
import { checkPartition } from '../calls/partition-call.ts';

/** A refusal names so many records of a batch at most. */
const NAMED_RECORDS_MAX = 1_000;

export interface CheckedBatch extends LocatedBatch {
  partition: number;
}

/**
 * @param partitions one for all batches, or one for each
 * @param nowMs the clock that timestamps must not run ahead of
 */
export async function checkBatches(
  topic: TopicDefinition,
  bytes: Uint8Array,
  partitions: readonly number[],
  nowMs: number,
): Promise<CheckedBatch[] | Failure> {
  for (const partition of partitions) {
    const missing = checkPartition(topic, partition);
    if (missing) return missing;
  }
  const batches = splitBatches(bytes);
  if (isBatchFailure(batches)) return batches;
  if (batches.length === 0)
    return failure('truncated_batch', 'the body is empty; send at least one record batch');
  if (partitions.length !== 1 && partitions.length !== batches.length) {
    return failure(
      'invalid_field',
      `query partitions: ${partitions.length} partitions for ${batches.length} batches; give one, or one for each`,
    );
  }
  if (batches.length > REQUEST_RECORDS_MAX) {
    return failure(
      'too_many_records',
      `${batches.length} batches; a request may have ${REQUEST_RECORDS_MAX}`,
    );
  }
  const budget = new InflateBudget(inflate, REQUEST_INFLATED_BYTES_MAX);
  for (const [index, batch] of batches.entries()) {
    const wrong = await checkBatch(topic, bytes, batch, budget, nowMs);
    if (wrong) return { ...wrong, details: { ...wrong.details, batch: index } };
  }
  return batches.map((batch, index) => ({ ...batch, partition: partitions[index] ?? partitions[0]! }));
}

async function checkBatch(
  topic: TopicDefinition,
  bytes: Uint8Array,
  batch: LocatedBatch,
  budget: InflateBudget,
  nowMs: number,
): Promise<Failure | null> {
  const { header } = batch;
  const { max_batch_bytes: bytesMax } = topic.config;
  if (header.sizeInBytes > bytesMax) {
    return failure(
      'batch_too_large',
      `a batch has ${header.sizeInBytes} bytes; topic "${topic.name}" takes ${bytesMax}`,
      {
        bytes_max: bytesMax,
      },
    );
  }
  const opened = await budget.verified(bytes, batch);
  if (isFailure(opened)) return opened;
  return checkKind(header) ?? checkTimestamp(header, nowMs) ?? checkKeys(topic, opened);
}

function checkKind(header: BatchHeader): Failure | null {
  if (header.isControl) return failure('invalid_batch', 'control batches are written by the broker only');
  if (header.timestampType === 'append') {
    return failure('invalid_batch', 'append time is set by the log; send batches with create time');
  }
  return checkProducer(header);
}

function checkProducer({
  producerId,
  producerEpoch,
  baseSequence,
  isTransactional,
}: BatchHeader): Failure | null {
  if (producerId < 0) {
    // Without an id Kafka ignores the epoch and the sequence, which some clients (kafkajs) leave at 0.
    return isTransactional ? failure('invalid_batch', 'a batch of a transaction has a producer id') : null;
  }
  const isInRange =
    producerId <= PRODUCER_ID_MAX && producerEpoch >= 0 && producerEpoch <= PRODUCER_EPOCH_MAX;
  if (isInRange && baseSequence >= 0) return null;
  return failure(
    'invalid_batch',
    `a batch of a producer has an id up to ${PRODUCER_ID_MAX}, an epoch from 0 to ${PRODUCER_EPOCH_MAX} and a sequence from 0`,
  );
}

/**
 * The producer of a transaction's batches, one and the same; null if there is no transaction. That the batches say so
 * and that the request does have to agree.
 */
export function transactionProducer(
  batches: readonly CheckedBatch[],
  transactionalId: string | undefined,
): Identity | null | Failure {
  const [first] = batches;
  for (const [index, { header }] of batches.entries()) {
    const { isTransactional, producerId, producerEpoch } = header;
    if (isTransactional !== (transactionalId !== undefined)) {
      const message = isTransactional
        ? 'a batch is part of a transaction: name it, ?transactional_id='
        : 'with transactional_id all batches have the transactional bit';
      return failure('invalid_batch', message, { batch: index });
    }
    const isOfFirst =
      producerId === first!.header.producerId && producerEpoch === first!.header.producerEpoch;
    if (isTransactional && !isOfFirst) {
      return failure('invalid_batch', 'the batches of a transaction have one producer', { batch: index });
    }
  }
  if (transactionalId === undefined) return null;
  return { id: first!.header.producerId, epoch: first!.header.producerEpoch };
}

/** A record may have no timestamp, which is -1 as with Kafka. */
function checkTimestamp({ maxTimestamp }: BatchHeader, nowMs: number): Failure | null {
  if (maxTimestamp >= -1 && maxTimestamp <= nowMs + TIMESTAMP_AHEAD_MS_MAX) return null;
  const latest = nowMs + TIMESTAMP_AHEAD_MS_MAX;
  return failure(
    'invalid_timestamp',
    `timestamp ${maxTimestamp} is not from -1 (none) to ${latest}, one hour from now`,
    {
      timestamp_max: latest,
    },
  );
}

function checkKeys(topic: TopicDefinition, batch: OpenBatch): Failure | null {
  if (!isCompacted(topic.config)) return null;
  const keyless: number[] = [];
  let at = 0;
  const failed = eachKeyOpen(batch, ({ key }) => {
    if (key === null && keyless.length < NAMED_RECORDS_MAX) keyless.push(at);
    at++;
  });
  if (failed) return failed;
  return keyless.length === 0 ? null : { ...keyRequired(topic), details: { records: keyless } };
}
