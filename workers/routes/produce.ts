/** Produce: records as JSON or as record batches, checked in full before the first is stored. */

import { spendOnPublish } from '../access/quotas/rates.ts';
import type { Hono } from 'hono';
import { needsOf } from '../../core/access/reach.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { Identity } from '../../core/transaction/transaction.ts';
import type { AppendedBatch } from '../../durable-objects/rpc/partition.ts';
import { concatenate } from '../../protocol/bytes.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { packBatches } from '../../protocol/record-batch/index.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  numbersIn,
  produceQuerySchema,
  type AcceptedReply,
  type PartlyStored,
  type ProduceQuery,
  type ProduceBatchesReply,
  type ProduceReply,
  type ProduceRequest,
} from '../../protocol/schemas/records.ts';
import { keepBodyUntil } from '../bounds/request-bytes.ts';
import { topicWith } from '../calls/partition-call.ts';
import { problem } from '../http/problem.ts';
import { appendToPartitions, batchReply, type PartitionBatches } from '../produce/append.ts';
import { checkBatches, transactionProducer, type CheckedBatch } from '../produce/checked-batches.ts';
import { isWithoutPromise } from '../../core/producers/delivery-level.ts';
import { batchOptions, checkOnePartition } from '../produce/json-producer.ts';
import { checkProduceRequest, partitionRecords } from '../produce/json-records.ts';
import { readQuery } from '../http/query.ts';
import { bodyKind, readBytes, readJson } from '../http/request.ts';
import { requestTrace } from '../http/trace-context.ts';
import { lookUpTopic } from '../cache/topology-cache.ts';
import { addPartitions } from '../calls/transaction-call.ts';
import { refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import { readTopic, type AppContext, type AppEnv } from '../http/context.ts';

export function produceRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.produce, async (c) => {
    const query = readQuery(c, produceQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const kind = bodyKind(c, true);
    if (isFailure(kind)) return problem(c, kind);
    const topic = await readTopic(c);
    if (isFailure(topic)) return problem(c, topic);
    return kind === 'batches' ? await produceBatches(c, topic, query.fields) : await produceJson(c, topic);
  });
}

async function produceJson(c: AppContext, found: TopicDefinition): Promise<Response> {
  const packed = await readAndPack(c, found);
  if (isFailure(packed)) return problem(c, packed);
  const { topic, places, batches, count, producer } = packed;
  const overRate = spendOnPublish(c, count);
  if (overRate) return problem(c, overRate);
  if (packed.isUnpromised) return acceptWithoutPromise(c, topic, batches, count);
  const appended = await append(c, topic, producer?.transactional_id, producer ?? null, batches);
  if (isFailure(appended)) return problem(c, withOffsets(appended, places, count));
  return c.json({ offsets: offsetsOf(places, appended, count) } satisfies ProduceReply);
}

/** Where the records of one partition are in the request, and their times. */
interface Places {
  partition: number;
  indexes: number[];
  timestamps: number[];
}

interface PackedRequest {
  topic: TopicDefinition;
  places: Places[];
  batches: PartitionBatches[];
  count: number;
  producer: ProduceRequest['producer'];
  isUnpromised: boolean;
}

/** The records as batches. Apart, so that the body and its values can leave memory while the batches are stored. */
async function readAndPack(c: AppContext, found: TopicDefinition): Promise<PackedRequest | Failure> {
  const body = await readJson(c.req.raw, ['records', null, 'value']);
  if (isFailure(body)) return body;
  const request = checkProduceRequest(body.json);
  if (isFailure(request)) return request;
  const named = request.records.flatMap(({ partition }) => partition ?? []);
  const topic = await topicWith(c.env, found, named);
  if (isFailure(topic)) return topic;
  const stickyPartition = Math.floor(Math.random() * topic.config.partitions);
  const groups = partitionRecords(
    topic,
    request.records,
    stickyPartition,
    requestTrace(c.req.raw),
    Date.now(),
  );
  if (isFailure(groups)) return groups;
  const { producer } = request;
  const isUnpromised = isWithoutPromise(request, producer !== undefined);
  if (isFailure(isUnpromised)) return isUnpromised;
  const misplaced = producer && checkOnePartition(request.records, groups);
  if (misplaced) return misplaced;
  const batches = groups.map(({ partition, records }) => ({
    partition,
    bytes: packBatches(
      records,
      { bytesMax: topic.config.max_batch_bytes },
      producer && ((first) => batchOptions(producer, first)),
    ),
  }));
  const places = groups.map(({ partition, indexes, records }) => ({
    partition,
    indexes,
    timestamps: records.map(({ timestamp }) => timestamp),
  }));
  return { topic, places, batches, count: request.records.length, producer, isUnpromised };
}

/**
 * Appends, after the partitions were made part of the transaction that the records are to belong to, if any. The marker of
 * the transaction comes to the topic that the coordinator was told of. So the records go there or nowhere: if the topic
 * was made again, the coordinator is told of the new one first.
 */
async function append(
  c: AppContext,
  topic: TopicDefinition,
  transactionalId: string | undefined,
  identity: Identity | null,
  groups: readonly PartitionBatches[],
): Promise<AppendedBatch[][] | Failure> {
  if (transactionalId === undefined || identity === null)
    return await appendToPartitions(c.env, topic, groups);
  const forbidden = refuseReach(c, needsOf('group', [transactionalId], 'write'));
  if (forbidden) return forbidden;
  const partitions = groups.map(({ partition }) => ({ topic, partition }));
  const { id, epoch } = identity;
  const added = await addPartitions(c.env, topic.namespace, transactionalId, { id, epoch }, partitions);
  if (isFailure(added)) return added;
  const appended = await appendToPartitions(c.env, topic, groups, { isPinned: true }, added.number);
  if (!isFailure(appended) || appended.code !== 'inconsistent_topic_id') return appended;
  const fresh = await lookUpTopic(c.env, topic.namespace, topic.name, 0);
  if (isFailure(fresh) || fresh.topic.id === topic.id) return appended;
  return await append(c, fresh.topic, transactionalId, identity, groups);
}

/** One for each record, in the order of the request. */
function offsetsOf(
  places: readonly Places[],
  appended: readonly Omit<AppendedBatch, 'logStartOffset'>[][],
  count: number,
): ProduceReply['offsets'] {
  const offsets = new Array<ProduceReply['offsets'][number]>(count);
  places.forEach(({ partition, indexes, timestamps }, groupIndex) => {
    let next = 0;
    for (const { baseOffset, recordCount, appendTime, storedTimestamps } of appended[groupIndex]!) {
      for (let delta = 0; delta < recordCount; delta++, next++) {
        const timestamp = appendTime ?? storedTimestamps?.[delta] ?? timestamps[next]!;
        offsets[indexes[next]!] = { partition, offset: baseOffset + delta, timestamp };
      }
    }
  });
  return offsets;
}

/** Says for each record where it is stored, or null, if only some partitions have stored theirs. */
function withOffsets(cause: Failure, places: readonly Places[], count: number): Failure {
  if (cause.code !== 'partly_stored') return cause;
  const { stored } = cause.details as PartlyStored;
  const appended = places.map(({ partition }) =>
    stored
      .filter((batch) => batch.partition === partition)
      .map(({ base_offset: baseOffset, record_count: recordCount, append_time: appendTime }) => ({
        baseOffset,
        recordCount,
        appendTime,
      })),
  );
  const offsets: PartlyStored['offsets'] = Array.from(
    offsetsOf(places, appended, count),
    (offset?: ProduceReply['offsets'][number]) => offset ?? null,
  );
  return { ...cause, details: { ...cause.details, offsets } };
}

async function produceBatches(c: AppContext, found: TopicDefinition, query: ProduceQuery): Promise<Response> {
  const { partitions: partitionsQuery, transactional_id: transactionalId } = query;
  const partitions = numbersIn(partitionsQuery) ?? [];
  const topic = await topicWith(c.env, found, partitions);
  if (isFailure(topic)) return problem(c, topic);
  if (partitions.length === 0 && topic.config.partitions > 1) {
    return problem(
      c,
      failure('invalid_field', 'query partitions: record batches do not name their partition; name it here'),
    );
  }
  const bytes = await readBytes(c.req.raw);
  if (isFailure(bytes)) return problem(c, bytes);
  const checked = await checkBatches(topic, bytes, partitions.length === 0 ? [0] : partitions, Date.now());
  if (isFailure(checked)) return problem(c, checked);
  const recordCount = checked.reduce((sum, { header }) => sum + header.recordCount, 0);
  const identity = transactionProducer(checked, transactionalId);
  if (isFailure(identity)) return problem(c, identity);
  // If only some are of a producer, the others can be stored twice.
  const asks = query.delivery === 'exactly-once' ? checked.every(isSequenced) : checked.some(isSequenced);
  const isUnpromised = isWithoutPromise(query, asks);
  if (isFailure(isUnpromised)) return problem(c, isUnpromised);
  const overRate = spendOnPublish(c, recordCount);
  if (overRate) return problem(c, overRate);
  const groups = groupByPartition(bytes, checked);
  if (isUnpromised) return acceptWithoutPromise(c, topic, groups, recordCount);
  const appended = await append(c, topic, transactionalId, identity, groups);
  if (isFailure(appended)) return problem(c, appended);
  return c.json({ batches: inRequestOrder(checked, groups, appended) } satisfies ProduceBatchesReply);
}

const isSequenced = ({ header }: CheckedBatch): boolean => header.producerId >= 0;

/** The batches of each partition, one after another; the body itself if all go to one. */
function groupByPartition(bytes: Uint8Array, batches: readonly CheckedBatch[]): PartitionBatches[] {
  const byPartition = Map.groupBy(batches, ({ partition }) => partition);
  if (byPartition.size === 1) return [{ partition: batches[0]!.partition, bytes }];
  return [...byPartition].map(([partition, members]) => {
    const parts = members.map(({ at, header }) => bytes.subarray(at, at + header.sizeInBytes));
    return { partition, bytes: concatenate(parts) };
  });
}

function inRequestOrder(
  batches: readonly CheckedBatch[],
  groups: readonly PartitionBatches[],
  appended: readonly AppendedBatch[][],
): ProduceBatchesReply['batches'] {
  const results = new Map(groups.map(({ partition }, index) => [partition, appended[index]!.values()]));
  return batches.map(({ partition }) => batchReply(partition, results.get(partition)!.next().value!));
}

/** `acks: none`: answered before the append, whose failure only the log of the worker shows. */
function acceptWithoutPromise(
  c: AppContext,
  topic: TopicDefinition,
  groups: readonly PartitionBatches[],
  accepted: number,
): Response {
  const append = appendToPartitions(c.env, topic, groups).then((result) => {
    if (isFailure(result)) console.error(`unacknowledged records were lost: ${result.message}`);
  });
  keepBodyUntil(c.req.raw, append);
  c.executionCtx.waitUntil(append);
  return c.json({ accepted } satisfies AcceptedReply, 202);
}
