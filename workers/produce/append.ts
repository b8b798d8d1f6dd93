/** Append: sends batches to their partitions, and builds the failure when only some have stored theirs. */

import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { AppendedBatch } from '../../durable-objects/rpc/partition.ts';
import type { Env } from '../../durable-objects/env.ts';
import { errorTable, failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { PartlyStored } from '../../protocol/schemas/records.ts';
import { callPartition, type CallOptions } from '../calls/partition-call.ts';
import { noteFull } from '../access/quotas/full-namespaces.ts';
import { publishLimitsOf } from '../access/directory-cache.ts';

export interface PartitionBatches {
  partition: number;
  /** Whole batches, one after another. */
  bytes: Uint8Array;
}

/**
 * Returns what each partition stored, in the given order, or a failure. The failure is `partly_stored` if any partition
 * has stored its batches.
 * @param transaction the number of the transaction that the batches belong to, if any
 */
export async function appendToPartitions(
  env: Env,
  topic: TopicDefinition,
  groups: readonly PartitionBatches[],
  options?: CallOptions,
  transaction?: number,
): Promise<AppendedBatch[][] | Failure> {
  const results = await Promise.all(
    groups.map(({ partition, bytes }) =>
      callPartition(
        env,
        topic,
        partition,
        (stub, version) =>
          stub.append(version, bytes, {
            ...publishLimitsOf(topic.namespace),
            ...(transaction !== undefined && { transaction }),
          }),
        options,
      ),
    ),
  );
  for (const result of results) noteFull(topic.namespace, result);
  const partitions = groups.map(({ partition }) => partition);
  const failed = results.flatMap((result, index) =>
    isFailure(result) ? [{ partition: partitions[index]!, cause: result }] : [],
  );
  if (failed.length === 0) return results as AppendedBatch[][];
  if (failed.length === results.length) return failureOfAll(failed);
  return failureOfSome(failed, storedIn(partitions, results), groups.length);
}

interface Failed {
  partition: number;
  cause: Failure;
}

/**
 * A refusal promises that nothing is stored. So the failure with the highest status speaks for all: a partition that did
 * not answer may have stored its records.
 */
function failureOfAll(failed: readonly Failed[]): Failure {
  const { partition, cause } = failed.reduce((worst, each) =>
    errorTable[each.cause.code].status > errorTable[worst.cause.code].status ? each : worst,
  );
  return { ...cause, details: { partition, ...cause.details } };
}

function failureOfSome(
  failed: readonly Failed[],
  stored: PartlyStored['stored'],
  partitions: number,
): Failure {
  const [first] = failed;
  return failure(
    'partly_stored',
    `${failed.length} of ${partitions} partitions have not stored their records, the others have: see "failed" and "stored". Send again only what is not stored; batches of a producer id may all be sent again. Partition ${first!.partition}: ${first!.cause.message}`,
    {
      stored,
      failed: failed.map(({ partition, cause: { code, message, details } }) => ({
        ...details,
        partition,
        code,
        retryable: errorTable[code].retryable,
        detail: message,
      })),
    } satisfies PartlyStored,
  );
}

function storedIn(
  partitions: readonly number[],
  results: readonly (AppendedBatch[] | Failure)[],
): PartlyStored['stored'] {
  return results.flatMap((result, index) =>
    isFailure(result) ? [] : result.map((appended) => batchReply(partitions[index]!, appended)),
  );
}

/** Says where a batch was stored, as on the wire. */
export function batchReply(
  partition: number,
  { baseOffset, recordCount, appendTime, logStartOffset }: AppendedBatch,
): PartlyStored['stored'][number] {
  return {
    partition,
    base_offset: baseOffset,
    record_count: recordCount,
    append_time: appendTime,
    log_start_offset: logStartOffset,
  };
}
