/** Handing batches to their partitions, and what can be said when only some of them answer. */

import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { AppendedBatch } from '../../durable-objects/partition/partition-calls.ts';
import type { Env } from '../../durable-objects/stubs.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { callPartition, type CallOptions } from '../partition-call.ts';

export interface PartitionBatches {
  partition: number;
  /** Whole batches, one after another. */
  bytes: Uint8Array;
}

/** What each partition stored, in the order given; or the first failure, with what was stored all the same. */
export async function appendToPartitions(
  env: Env,
  topic: TopicDefinition,
  groups: readonly PartitionBatches[],
  options?: CallOptions,
): Promise<AppendedBatch[][] | Failure> {
  const results = await Promise.all(
    groups.map(({ partition, bytes }) =>
      callPartition(env, topic, partition, (stub, version) => stub.append(version, bytes), options),
    ),
  );
  const failedAt = results.findIndex(isFailure);
  if (failedAt < 0) return results as AppendedBatch[][];
  const { details, ...rest } = results[failedAt] as Failure;
  const failed = { ...rest, details: { partition: groups[failedAt]!.partition, ...details } };
  const stored = results.flatMap((result, index) =>
    isFailure(result)
      ? []
      : (result as AppendedBatch[]).map(({ baseOffset, recordCount, appendTime }) => ({
          partition: groups[index]!.partition,
          base_offset: baseOffset,
          record_count: recordCount,
          append_time: appendTime,
        })),
  );
  return stored.length === 0 ? failed : { ...failed, details: { ...failed.details, stored } };
}
