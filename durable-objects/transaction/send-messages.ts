/**
 * Sending the messages of a committed transaction. A destination recognises repetitions: a queue by the numbers of
 * their source, a partition by the sequences of a producer. So after a crash all of them can be sent again.
 */

import { messageNumber } from '../../core/transaction/held-messages.ts';
import type { Failure } from '../../protocol/errors.ts';
import { BATCH_BYTES_MAX } from '../../protocol/limits.ts';
import { encodeBatch, groupRecords, recordsIn, type LogRecord } from '../../protocol/record-batch/index.ts';
import type { DestinationAddress } from '../../core/topology/routing/destination-addresses.ts';
import { handOver, isGone } from '../forwarding/hand-over.ts';
import type { Env } from '../env.ts';
import type { HeldPublish } from '../rpc/transaction.ts';

/** Destinations that are sent to at the same time. */
const FAN_OUT = 32;

export interface CommittedMessages {
  transactionalId: string;
  /** Of the transaction. */
  producerId: number;
  epoch: number;
  /** The producer of the records in topics; null if there are none. */
  topicProducerId: number | null;
  publishes: readonly HeldPublish[];
}

interface HeldBatch {
  destination: DestinationAddress;
  records: LogRecord[];
}

/** @returns whether every destination has its messages, or was deleted */
export async function sendMessages(env: Env, committed: CommittedMessages): Promise<boolean> {
  const batches = [...batchesByDestination(committed.publishes).values()];
  let isSent = true;
  for (let first = 0; first < batches.length; first += FAN_OUT) {
    const failures = await Promise.all(
      batches.slice(first, first + FAN_OUT).map((batch) => sendBatch(env, committed, batch)),
    );
    for (const failed of failures) {
      if (failed === null) continue;
      isSent = false;
      console.error(`messages of a transaction wait and are sent again: ${failed.message}`);
    }
  }
  return isSent;
}

/** All that goes to each destination, in order: the same each time. */
function batchesByDestination(publishes: readonly HeldPublish[]): Map<string, HeldBatch> {
  const batches = new Map<string, HeldBatch>();
  for (const { bytes, shares } of publishes) {
    const records = recordsIn(bytes);
    for (const { destination, indexes } of shares) {
      const { kind, place } = destination;
      const key = `${kind}/${place.id}/${kind === 'topic' ? destination.partition : ''}`;
      const batch = batches.get(key) ?? { destination, records: [] };
      batches.set(key, batch);
      for (const index of indexes ?? records.keys()) batch.records.push(records[index]!);
    }
  }
  return batches;
}

async function sendBatch(
  env: Env,
  committed: CommittedMessages,
  { destination, records }: HeldBatch,
): Promise<Failure | null> {
  const bytesMax = destination.kind === 'topic' ? destination.bytesMax : BATCH_BYTES_MAX;
  let index = 0;
  for (const group of groupRecords(records, { bytesMax })) {
    const failed = await sendGroup(env, committed, destination, group, index);
    if (isGone(failed)) return null;
    if (failed) return failed;
    index += group.length;
  }
  return null;
}

/** @param index of the first record among those that go to the destination */
async function sendGroup(
  env: Env,
  { transactionalId, producerId, epoch, topicProducerId }: CommittedMessages,
  destination: DestinationAddress,
  records: readonly LogRecord[],
  index: number,
): Promise<Failure | null> {
  const producer = { producerId: topicProducerId ?? -1, producerEpoch: epoch, baseSequence: index };
  const isToTopic = destination.kind === 'topic';
  if (isToTopic && topicProducerId === null) throw new Error('no producer for a topic');
  const bytes = encodeBatch(records, isToTopic ? { ...producer, isTransactional: false } : {});
  const source = {
    name: `transaction ${transactionalId}#${producerId}`,
    firstNumber: messageNumber(epoch, index),
  };
  const failed = await handOver(env, destination, bytes, source);
  // Only this object sends them, in order. So records before the last sequence are stored already.
  return failed?.code === 'out_of_order_sequence' ? null : failed;
}
