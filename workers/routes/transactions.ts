/** Transactions: how they are, and how they end. They begin with the first records that are produced in them. */

import { spendOnPublish } from '../access/quotas/rates.ts';
import type { Hono } from 'hono';
import type { z } from 'zod';
import { needsOf, needsOfTarget } from '../../core/access/reach.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { Outcome } from '../../core/transaction/transaction.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { Committed } from '../../protocol/schemas/groups.ts';
import { REQUEST_RECORDS_MAX } from '../../protocol/limits.ts';
import { namePageQuerySchema } from '../../protocol/schemas/pages.ts';
import { isWideName, WIDE_NAME_RULE } from '../../protocol/schemas/names.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  transactionEndSchema,
  transactionMessagesSchema,
  transactionOffsetsSchema,
  transactionPartitionsSchema,
  type TransactionEndReply,
  type TransactionList,
  type TransactionPartitionsReply,
  type TransactionState,
} from '../../protocol/schemas/transactions.ts';
import { commitOffsets } from '../groups/group-offsets.ts';
import { checkPartition, topicWith } from '../calls/partition-call.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { publishInTransaction } from '../publish/transaction-messages.ts';
import { tooMany } from '../../core/queue/publish/message-checks.ts';
import { check } from '../../protocol/fields/check.ts';
import { bodyKind, readBody, readJson } from '../http/request.ts';
import { requestTrace } from '../http/trace-context.ts';
import { topicOfId } from '../cache/topic-identity.ts';
import { lookUpTopic } from '../cache/topology-cache.ts';
import { addGroupPartitions, addPartitions, callTransaction } from '../calls/transaction-call.ts';
import { refuseReach } from '../access/authorize.ts';
import { exchangeNameOf } from '../../protocol/schemas/exchanges.ts';
import { bind } from './bind.ts';
import { readNamespace, seenTopologyVersion, type AppContext, type AppEnv } from '../http/context.ts';

export function transactionRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listTransactions, async (c) => {
    const namespace = readNamespace(c);
    if (typeof namespace !== 'string') return problem(c, namespace);
    const query = readQuery(c, namePageQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { after = '', limit } = query.fields;
    const found = await topologyStub(c.env, namespace).usedTransactionalIds(after, limit + 1);
    const page = found.slice(0, limit);
    return c.json({
      transactions: page.map((name) => ({ transactional_id: name })),
      ...(found.length > limit && { next: page.at(-1)! }),
    } satisfies TransactionList);
  });

  bind(app, calls.getTransaction, async (c) => {
    const path = readPath(c);
    if (isFailure(path)) return problem(c, path);
    const { namespace, transactionalId } = path;
    const found = await callTransaction(c.env, namespace, transactionalId, (stub) => stub.describe());
    if (isFailure(found)) return problem(c, found);
    if (found === null) {
      return problem(
        c,
        failure('transaction_not_found', `there is no transactional id "${transactionalId}" in use`),
      );
    }
    return c.json({
      transactional_id: transactionalId,
      producer: found.producer,
      state: found.state,
      started_at: found.startedMs,
      transaction_timeout_ms: found.timeoutMs,
      partitions: found.parts.map(({ topic, partition, group }) => ({
        topic: topic.name,
        partition,
        ...(group !== undefined && { group }),
      })),
      last: found.last,
      meter: { rows_written: found.rowsWritten },
    } satisfies TransactionState);
  });

  bind(app, calls.addPartitions, async (c) => {
    const path = readPath(c);
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, transactionPartitionsSchema);
    if (isFailure(body)) return problem(c, body);
    const { producer, partitions } = body.fields;
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const refused = refuseReach(c, needsOf('topic', topics, 'write'));
    if (refused) return problem(c, refused);
    const found = await findPartitions(c, path.namespace, partitions);
    if (isFailure(found)) return problem(c, found);
    const { namespace, transactionalId } = path;
    const added = await addPartitions(c.env, namespace, transactionalId, producer, found);
    return isFailure(added) ? problem(c, added) : c.json(added satisfies TransactionPartitionsReply);
  });

  bind(app, calls.addOffsets, async (c) => {
    const path = readPath(c);
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, transactionOffsetsSchema);
    if (isFailure(body)) return problem(c, body);
    const { namespace, transactionalId } = path;
    const topics = body.fields.offsets.map(({ topic }) => topic);
    const refused = refuseReach(c, [
      ...needsOf('group', [body.fields.group], 'read'),
      ...needsOf('topic', topics, 'read'),
    ]);
    if (refused) return problem(c, refused);
    const added = await addOffsets(c, namespace, transactionalId, body.fields);
    return isFailure(added) ? problem(c, added) : c.json(added);
  });

  bind(app, calls.publishInTransaction, async (c) => {
    const path = readPath(c);
    if (isFailure(path)) return problem(c, path);
    const body = await readMessages(c);
    if (isFailure(body)) return problem(c, body);
    const { namespace, transactionalId } = path;
    const { queue, exchange } = body.fields;
    const target = queue === undefined ? { exchange: exchangeNameOf(exchange!) } : { queue };
    const refused = refuseReach(c, needsOfTarget(target));
    if (refused) return problem(c, refused);
    const overRate = spendOnPublish(c, body.fields.messages.length);
    if (overRate) return problem(c, overRate);
    const seen = seenTopologyVersion(c);
    const held = await publishInTransaction(
      c.env,
      namespace,
      transactionalId,
      body.fields,
      requestTrace(c.req.raw),
      seen,
    );
    return isFailure(held) ? problem(c, held) : c.json(held);
  });

  bind(app, calls.commitTransaction, (c) => endTransaction(c, 'commit'));
  bind(app, calls.abortTransaction, (c) => endTransaction(c, 'abort'));
}

async function findPartitions(
  c: AppContext,
  namespace: string,
  partitions: readonly { topic: string; partition: number }[],
): Promise<{ topic: TopicDefinition; partition: number }[] | Failure> {
  const all: { topic: TopicDefinition; partition: number }[] = [];
  for (const [topic, named] of Map.groupBy(partitions, ({ topic: name }) => name)) {
    const found = await lookUpTopic(c.env, namespace, topic, seenTopologyVersion(c));
    if (isFailure(found)) return found;
    const numbers = named.map(({ partition }) => partition);
    const known = await topicWith(c.env, found.topic, numbers);
    if (isFailure(known)) return known;
    for (const partition of numbers) {
      const missing = checkPartition(known, partition);
      if (missing) return missing;
      all.push({ topic: known, partition });
    }
  }
  return all;
}

/** The coordinator first: whatever arrives in a partition, the marker will come there. */
async function addOffsets(
  c: AppContext,
  namespace: string,
  transactionalId: string,
  fields: z.output<typeof transactionOffsetsSchema>,
): Promise<Committed | Failure> {
  const { producer, group, is_unclaimed: isUnclaimed, ...commit } = fields;
  const partitions: { topic: TopicDefinition; partition: number }[] = [];
  const offsets: typeof commit.offsets = [];
  for (const offset of commit.offsets) {
    const { topic, topic_id: topicId, partition } = offset;
    const found = await lookUpTopic(c.env, namespace, topic, seenTopologyVersion(c));
    if (isFailure(found)) return found;
    const named = await topicOfId(c.env, found.topic, topicId, partition);
    if (isFailure(named)) return named;
    const known = await topicWith(c.env, named, [partition]);
    if (isFailure(known)) return known;
    const missing = checkPartition(known, partition);
    if (missing) return missing;
    partitions.push({ topic: known, partition });
    // The marker comes to the topic that the coordinator is told of, so the offset has to be added there or nowhere.
    offsets.push({ ...offset, topic_id: known.id });
  }
  const added = await addGroupPartitions(c.env, namespace, group, transactionalId, producer, partitions);
  if (isFailure(added)) return added;
  const { number } = added;
  return await commitOffsets(
    c.env,
    { namespace, name: group },
    seenTopologyVersion(c),
    { ...commit, offsets },
    { transactionalId, producerId: producer.id, producerEpoch: producer.epoch, number },
    isUnclaimed,
  );
}

async function endTransaction(c: AppContext, outcome: Outcome): Promise<Response> {
  const path = readPath(c);
  if (isFailure(path)) return problem(c, path);
  const body = await readBody(c, transactionEndSchema);
  if (isFailure(body)) return problem(c, body);
  const { namespace, transactionalId } = path;
  const ended = await callTransaction(c.env, namespace, transactionalId, (stub) =>
    stub.end(transactionalId, body.fields.producer, outcome, body.fields.keep_epoch),
  );
  return isFailure(ended) ? problem(c, ended) : c.json(ended satisfies TransactionEndReply);
}

function readPath(c: AppContext): { namespace: string; transactionalId: string } | Failure {
  const namespace = readNamespace(c);
  if (typeof namespace !== 'string') return namespace;
  const transactionalId = c.req.param('transactional_id') ?? '';
  if (isWideName(transactionalId)) return { namespace, transactionalId };
  return failure('invalid_name', `transactional id: expected ${WIDE_NAME_RULE}`);
}

/** The number of messages first, because checking takes time for each. */
async function readMessages(
  c: AppContext,
): Promise<{ fields: z.output<typeof transactionMessagesSchema> } | Failure> {
  const kind = bodyKind(c, false);
  if (isFailure(kind)) return kind;
  const body = await readJson(c.req.raw, ['messages', null, 'body']);
  if (isFailure(body)) return body;
  const { messages } = (body.json ?? {}) as { messages?: unknown };
  if (Array.isArray(messages) && messages.length > REQUEST_RECORDS_MAX) return tooMany(messages.length);
  return check(transactionMessagesSchema, body.json, 'body');
}
