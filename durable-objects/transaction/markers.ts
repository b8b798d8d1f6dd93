/** Markers: tells the partitions of a transaction how it ended. */

import type { TransactionEnd } from '../../core/log/producer-state.ts';
import { endOf } from '../../core/transaction/transaction.ts';
import { partitionStub, topologyStub } from '../stubs.ts';
import type { Env } from '../env.ts';
import type { TransactionPart } from '../rpc/transaction.ts';
import type { StoredTransaction } from './transaction-store.ts';

/** Calls at the same time. */
const FAN_OUT = 32;

/** @returns whether all of them have it now */
export async function sendMarkers(env: Env, ending: StoredTransaction): Promise<boolean> {
  const { transactionalId, parts } = ending;
  const end = endOf(ending);
  const all = Object.values(parts);
  let missing = 0;
  for (let first = 0; first < all.length; first += FAN_OUT) {
    const sent = await Promise.all(
      all.slice(first, first + FAN_OUT).map((part) => send(env, transactionalId, part, end)),
    );
    missing += sent.filter((isSent) => !isSent).length;
  }
  return missing === 0;
}

/** @returns whether the partition has it, or is gone for good */
async function send(
  env: Env,
  transactionalId: string,
  { topic, partition, group }: TransactionPart,
  end: TransactionEnd,
): Promise<boolean> {
  try {
    const stub = partitionStub(env, topic, partition);
    const tell = async (): Promise<boolean> =>
      (await (group === undefined
        ? stub.endTransaction(end)
        : stub.endGroupTransaction(group, transactionalId, end))) !== null;
    if (await tell()) return true;
    // The partition is deleted, or does not know its definition yet. The topology decides.
    const topology = topologyStub(env, topic.namespace);
    const { topic: known } = await topology.topic(topic.name);
    if (known === null || known.id !== topic.id) return true;
    await topology.propagateOne('topic', topic.name);
    return await tell();
  } catch (error) {
    console.error(
      `the marker did not reach partition ${partition} of topic ${topic.name}; it is sent again`,
      error,
    );
    return false;
  }
}
