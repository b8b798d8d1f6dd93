/** Transaction call: calls the coordinator of a transactional id. */

import type { Identity } from '../../core/transaction/transaction.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { TransactionPart, TransactionMethods } from '../../durable-objects/rpc/transaction.ts';
import { transactionStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { diskFailureOf } from '../http/disk-failure.ts';

export async function callTransaction<Result>(
  env: Env,
  namespace: string,
  transactionalId: string,
  call: (stub: DurableObjectStub<TransactionMethods>) => Promise<Result>,
): Promise<Result | Failure> {
  try {
    return await call(transactionStub(env, namespace, transactionalId));
  } catch (error) {
    console.error(`the coordinator of transactional id ${transactionalId} failed`, error);
    const isDisk = diskFailureOf(error);
    if (isDisk) return isDisk;
    return failure(
      'transaction_unavailable',
      `the coordinator of transactional id "${transactionalId}" did not answer; try again`,
    );
  }
}

/** Tells the coordinator that the producer is about to write to the partitions. Returns the number of the transaction. */
export async function addPartitions(
  env: Env,
  namespace: string,
  transactionalId: string,
  identity: Identity,
  partitions: readonly { topic: TopicDefinition; partition: number }[],
): Promise<{ number: number } | Failure> {
  const parts: Record<string, TransactionPart> = {};
  for (const { topic, partition } of partitions) {
    parts[`${topic.id}/${partition}`] = { topic: placeOf(topic), partition };
  }
  return await callTransaction(env, namespace, transactionalId, (stub) =>
    stub.addPartitions(transactionalId, identity, parts),
  );
}

/** Tells the coordinator that offsets of a group are about to be added in the partitions. */
export async function addGroupPartitions(
  env: Env,
  namespace: string,
  group: string,
  transactionalId: string,
  identity: Identity,
  partitions: readonly { topic: TopicDefinition; partition: number }[],
): Promise<{ number: number } | Failure> {
  const parts: Record<string, TransactionPart> = {};
  for (const { topic, partition } of partitions) {
    parts[`${topic.id}/${partition}@${group}`] = { topic: placeOf(topic), partition, group };
  }
  return await callTransaction(env, namespace, transactionalId, (stub) =>
    stub.addPartitions(transactionalId, identity, parts),
  );
}

function placeOf({ namespace, name, id, config }: TopicDefinition): TransactionPart['topic'] {
  const { jurisdiction, location_hint } = config;
  return { namespace, name, id, config: { jurisdiction, location_hint } };
}
