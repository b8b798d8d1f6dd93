/** A single partition: its offsets, size and meter, and deleting its oldest records. */

import type { Hono } from 'hono';
import type { ProducerPage } from '../../core/log/known-producers.ts';
import type { PartitionDescription } from '../../durable-objects/rpc/partition.ts';
import { isFailure } from '../../protocol/errors.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { producersQuerySchema, type ProducerList } from '../../protocol/schemas/producers.ts';
import { deleteRecordsQuerySchema } from '../../protocol/schemas/records.ts';
import type { PartitionState, RecordsDeleted } from '../../protocol/schemas/topics.ts';
import { callPartition } from '../calls/partition-call.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { topicOfId } from '../cache/topic-identity.ts';
import { bind } from './bind.ts';
import { readPartition, readTopic, type AppEnv } from '../http/context.ts';

export function partitionRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.describePartition, async (c) => {
    const topic = await readTopic(c);
    if (isFailure(topic)) return problem(c, topic);
    const partition = readPartition(c);
    let topicId = topic.id;
    const state = await callPartition(c.env, topic, partition, (stub, version, { id }) => {
      topicId = id;
      return stub.describe(version);
    });
    if (isFailure(state)) return problem(c, state);
    return c.json(stateReply(topic.name, topicId, partition, state));
  });

  bind(app, calls.listProducers, async (c) => {
    const query = readQuery(c, producersQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const topic = await readTopic(c);
    if (isFailure(topic)) return problem(c, topic);
    const { after = '-1', limit } = query.fields;
    const page = await callPartition<ProducerPage>(c.env, topic, readPartition(c), (stub, version) =>
      stub.producers(version, Number(after), limit),
    );
    if (isFailure(page)) return problem(c, page);
    return c.json({
      producers: page.producers.map(({ id, epoch, lastSequence, lastMs, transactionStart }) => ({
        id,
        epoch,
        last_sequence: lastSequence,
        heard_at: lastMs,
        transaction_start_offset: transactionStart,
      })),
      ...(page.next !== null && { next: String(page.next) }),
    } satisfies ProducerList);
  });

  bind(app, calls.deleteRecords, async (c) => {
    const query = readQuery(c, deleteRecordsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const named = await readTopic(c);
    if (isFailure(named)) return problem(c, named);
    const partition = readPartition(c);
    const { before, topic_id: expected } = query.fields;
    const topic = await topicOfId(c.env, named, expected, partition);
    if (isFailure(topic)) return problem(c, topic);
    let topicId = topic.id;
    const deleted = await callPartition(
      c.env,
      topic,
      partition,
      (stub, version, { id }) => {
        topicId = id;
        return stub.deleteRecords(version, before);
      },
      { isPinned: expected !== undefined },
    );
    if (isFailure(deleted)) return problem(c, deleted);
    return c.json({
      topic: topic.name,
      topic_id: topicId,
      partition,
      log_start_offset: deleted.logStartOffset,
      high_watermark: deleted.highWatermark,
    } satisfies RecordsDeleted);
  });
}

function stateReply(
  topic: string,
  topicId: number,
  partition: number,
  state: PartitionDescription,
): PartitionState {
  const { rowsWritten, rowsRead, ...meter } = state.meter;
  return {
    topic,
    topic_id: topicId,
    partition,
    log_start_offset: state.logStartOffset,
    high_watermark: state.highWatermark,
    last_stable_offset: state.lastStableOffset,
    producers: state.producers,
    size_bytes: state.sizeBytes,
    cold_bytes: state.coldBytes,
    segments: state.segments,
    storage_bytes: state.storageBytes,
    waiting: state.waiting,
    damaged_batches: state.damagedBatches,
    meter: { rows_written: rowsWritten, rows_read: rowsRead, ...meter },
  };
}
