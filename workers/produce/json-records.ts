/** Records that a producer sent as JSON: checked, given their partitions, and packed into batches. */

import { choosePartition } from '../../core/topology/routing/partition-choice.ts';
import { checkTopicRecord } from '../../core/topology/topic-record.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { recordHeadersOf } from '../../protocol/json/header-fields.ts';
import { bytesOfText, bytesOfValue } from '../../protocol/json/json-bytes.ts';
import { REQUEST_RECORDS_MAX, TIMESTAMP_AHEAD_MS_MAX } from '../../protocol/limits.ts';
import type { RecordInput } from '../../protocol/record-batch/index.ts';
import { produceSchema, type ProduceRecord, type ProduceRequest } from '../../protocol/schemas/records.ts';
import type { TraceContext } from '../../protocol/headers/trace-context.ts';
import { checkPartition } from '../calls/partition-call.ts';
import { check } from '../../protocol/fields/check.ts';
import { traced } from '../../protocol/headers/trace-context.ts';

/** The records of one partition, with their places in the request. */
export interface PartitionRecords {
  partition: number;
  indexes: number[];
  records: RecordInput[];
}

/** The request, checked: the number of records first, because the rest takes time for each. */
export function checkProduceRequest(json: unknown): ProduceRequest | Failure {
  const records = (json as { records?: unknown } | null)?.records;
  if (Array.isArray(records) && records.length > REQUEST_RECORDS_MAX) {
    return failure(
      'too_many_records',
      `${records.length} records; a request may have ${REQUEST_RECORDS_MAX}`,
      {
        records_max: REQUEST_RECORDS_MAX,
      },
    );
  }
  const checked = check(produceSchema, json, 'body');
  return isFailure(checked) ? checked : checked.fields;
}

/**
 * Assigns each record to a partition: the one that it names, or by its key as in Kafka, or `stickyPartition`. That one
 * is the same for the whole request, so that records share a batch.
 * @param trace the context of the request, for records without one
 */
export function partitionRecords(
  topic: TopicDefinition,
  records: readonly ProduceRecord[],
  stickyPartition: number,
  trace: TraceContext | null,
  nowMs: number,
): PartitionRecords[] | Failure {
  const byPartition = new Map<number, PartitionRecords>();
  for (const [index, record] of records.entries()) {
    const input = recordInput(topic, record, trace, nowMs);
    if (isFailure(input))
      return {
        ...input,
        message: `record ${index}: ${input.message}`,
        details: { ...input.details, record: index },
      };
    const partition =
      record.partition ?? choosePartition(input.key, topic.config.partitions, stickyPartition);
    const missing = checkPartition(topic, partition);
    if (missing) return { ...missing, details: { ...missing.details, record: index } };
    let group = byPartition.get(partition);
    if (!group) byPartition.set(partition, (group = { partition, indexes: [], records: [] }));
    group.indexes.push(index);
    group.records.push(input);
  }
  return [...byPartition.values()];
}

function recordInput(
  topic: TopicDefinition,
  record: ProduceRecord,
  trace: TraceContext | null,
  nowMs: number,
): RecordInput | Failure {
  const value = bytesOfValue(record.value);
  if (value === undefined) {
    return failure(
      'invalid_field',
      'value: bytes are written {"$base64": "..."} with padded base64 and nothing beside',
    );
  }
  const timestamp = record.timestamp ?? nowMs;
  if (timestamp > nowMs + TIMESTAMP_AHEAD_MS_MAX) {
    return failure('invalid_timestamp', `timestamp ${timestamp} is more than one hour ahead of now`, {
      timestamp_max: nowMs + TIMESTAMP_AHEAD_MS_MAX,
    });
  }
  const key = record.key == null ? null : bytesOfText(record.key);
  const input: RecordInput = { key, value, timestamp, headers: recordHeadersOf(record.headers) };
  return checkTopicRecord(topic, input) ?? traced(input, trace, (longer) => checkTopicRecord(topic, longer));
}
