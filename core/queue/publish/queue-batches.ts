/**
 * Batches of a publish that goes straight to a queue: checked, and as they are stored. Who calls has the bytes, and opens the
 * batches that are compressed.
 */

import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { concatenate } from '../../../protocol/bytes.ts';
import { missingTraceHeaders, traced, type TraceContext } from '../../../protocol/headers/trace-context.ts';
import {
  BATCH_BYTES_MAX,
  PRODUCER_EPOCH_MAX,
  PRODUCER_ID_MAX,
  REQUEST_RECORDS_MAX,
} from '../../../protocol/limits.ts';
import {
  decodeOpen,
  isBatchFailure,
  packBatches,
  splitBatches,
  stampAppendTime,
  type LocatedBatch,
  type OpenBatch,
} from '../../../protocol/record-batch/index.ts';
import { isWithoutPromise } from '../../producers/delivery-level.ts';
import { sequenceAfter } from '../../producers/sequences.ts';
import { at, recordProblem, tooLarge, tooMany } from './message-checks.ts';
import { hasOnlyValues } from './plain-batch.ts';
import type { PublishProducer } from './queue-producers.ts';

export interface QueueBatches {
  bytes: Uint8Array;
  count: number;
  /** Absent: without sequences. */
  producer?: PublishProducer;
}

/** Yields each batch, and takes it open, for all that is read of it, or why it cannot be opened. */
export type BatchChecks<Result> = Generator<LocatedBatch, Result | Failure, OpenBatch | Failure>;

/** Batches are stored uncompressed, with the time at which they came as that of their messages. */
export function* checkQueueBatches(
  bytes: Uint8Array,
  delivery: 'at-least-once' | 'exactly-once' | undefined,
  trace: TraceContext | null,
  nowMs: number,
): BatchChecks<QueueBatches> {
  const located = splitBatches(bytes);
  if (isBatchFailure(located)) return located;
  if (located.length === 0)
    return failure('truncated_batch', 'the body is empty; send at least one record batch');
  const producer = producerOf(located);
  if (isFailure(producer)) return producer;
  const refused = isWithoutPromise({ delivery }, producer !== null);
  if (isFailure(refused)) return refused;
  const parts: Uint8Array[] = [];
  let count = 0;
  for (const [number, batch] of located.entries()) {
    count += batch.header.recordCount;
    if (count > REQUEST_RECORDS_MAX) return tooMany(count);
    const taken = yield* takeBatch(bytes, batch, trace, nowMs);
    if (isFailure(taken)) return { ...taken, details: { ...taken.details, batch: number } };
    parts.push(taken);
  }
  return { bytes: concatenate(parts), count, ...(producer && { producer }) };
}

/** The producer of a request's batches, which are one publish of it: their sequences follow on. Null if they have none. */
export function producerOf(batches: readonly LocatedBatch[]): PublishProducer | null | Failure {
  const { producerId: id, producerEpoch: epoch, baseSequence: sequence } = batches[0]!.header;
  let next = sequence;
  for (const [batch, { header }] of batches.entries()) {
    const { producerId, producerEpoch, baseSequence, recordCount } = header;
    if (producerId !== id || (id >= 0 && (producerEpoch !== epoch || baseSequence !== next))) {
      return failure(
        'invalid_batch',
        'the batches of a request have no producer, or all the same one, and sequences that follow on',
        { batch },
      );
    }
    next = sequenceAfter(next, recordCount);
  }
  if (id < 0) return null;
  const isInRange = id <= PRODUCER_ID_MAX && epoch >= 0 && epoch <= PRODUCER_EPOCH_MAX && sequence >= 0;
  if (isInRange) return { id, epoch, sequence };
  return failure(
    'invalid_batch',
    `a batch of a producer has an id up to ${PRODUCER_ID_MAX}, an epoch from 0 to ${PRODUCER_EPOCH_MAX} and a sequence from 0`,
    { batch: 0 },
  );
}

function* takeBatch(
  bytes: Uint8Array,
  located: LocatedBatch,
  trace: TraceContext | null,
  nowMs: number,
): BatchChecks<Uint8Array> {
  const { at: start, header } = located;
  if (header.sizeInBytes > BATCH_BYTES_MAX) {
    return failure(
      'batch_too_large',
      `a batch has ${header.sizeInBytes} bytes; ${BATCH_BYTES_MAX} are taken`,
      {
        bytes_max: BATCH_BYTES_MAX,
      },
    );
  }
  if (header.isControl || header.isTransactional) {
    return failure(
      'invalid_batch',
      'queues take no control batches, and messages of a transaction at /transactions/{transactional_id}/messages',
    );
  }
  const isPacked = header.compression !== 'none';
  const opened = yield located;
  if (isFailure(opened)) return opened;
  if (isPacked || trace !== null || !hasOnlyValues(bytes, start, header)) {
    const records = decodeOpen(opened);
    if (isBatchFailure(records)) return records;
    for (const [index, record] of records.entries()) {
      const wrong = recordProblem(record);
      if (wrong) return at(index, failure('invalid_message', wrong));
    }
    const isToBeTraced =
      trace !== null && records.some(({ headers }) => missingTraceHeaders(headers, trace).length > 0);
    if (isPacked || isToBeTraced)
      return packBatches(
        records.map((record) => traced({ ...record, timestamp: nowMs }, trace, tooLarge)),
        { bytesMax: BATCH_BYTES_MAX },
      );
  }
  stampAppendTime(bytes, start, nowMs);
  return bytes.subarray(start, start + header.sizeInBytes);
}
