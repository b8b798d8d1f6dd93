/** JSON records of an idempotent producer: their batches carry its id, epoch and sequences. */

import { sequenceAfter } from '../../core/producers/sequences.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import type { EncodeOptions } from '../../protocol/record-batch/index.ts';
import type { ProduceRecord } from '../../protocol/schemas/records.ts';
import type { ProduceProducer } from '../../protocol/schemas/producers.ts';
import type { PartitionRecords } from './json-records.ts';

/** A repetition must go where the first attempt went, and one sequence counts the records of one partition. */
export function checkOnePartition(
  records: readonly ProduceRecord[],
  groups: readonly PartitionRecords[],
): Failure | null {
  const loose = records.findIndex(({ key, partition }) => key == null && partition === undefined);
  if (loose >= 0) {
    return failure(
      'invalid_field',
      `record ${loose}: with a producer each record has a key or names its partition, so that it goes there again`,
      { record: loose },
    );
  }
  if (groups.length === 1) return null;
  return failure(
    'invalid_field',
    `producer: its sequence counts the records of one partition, and these go to ${groups.length}; send a request for each`,
    { partitions: groups.map(({ partition }) => partition) },
  );
}

/** @param first the place of the batch's first record in the request */
export function batchOptions(producer: ProduceProducer, first: number): EncodeOptions {
  return {
    producerId: producer.id,
    producerEpoch: producer.epoch,
    baseSequence: sequenceAfter(producer.sequence, first),
    isTransactional: producer.transactional_id !== undefined,
  };
}
