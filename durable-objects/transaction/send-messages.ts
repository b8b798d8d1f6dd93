/**
 * Sending the messages of a committed transaction. A destination recognises repetitions: a queue by the numbers of
 * their source, a partition by the sequences of a producer. So after a crash all of them can be sent again.
 */

import { messageNumber } from '../../core/transaction/held-messages.ts';
import { isFailure } from '../../protocol/errors.ts';
import { BATCH_BYTES_MAX } from '../../protocol/limits.ts';
import {
  BATCH_OVERHEAD,
  decodeRecords,
  encodeBatch,
  isBatchFailure,
  recordSizeUpperBound,
  splitBatches,
  type LogRecord,
} from '../../protocol/record-batch/index.ts';
import { isStale } from '../rpc/stale.ts';
import { partitionStub, queueStub, topologyStub } from '../stubs.ts';
import type { Env } from '../env.ts';
import type { HeldPublish, MessageDestination } from '../rpc/transaction.ts';

/** Destinations that are sent to at the same time. */
const FAN_OUT = 32;

export interface CommittedMessages {
  transactionalId: string;
  /** Of the transaction. */
  producerId: number;
  epoch: number;
  /** What the records in topics are produced by; null if there are none. */
  topicProducerId: number | null;
  publishes: readonly HeldPublish[];
}

interface DestinationBatch {
  destination: MessageDestination;
  records: LogRecord[];
}

/** @returns whether every destination has its messages, or is gone for good */
export async function sendMessages(env: Env, committed: CommittedMessages): Promise<boolean> {
  const destinationBatches = [...batchesByDestination(committed.publishes).values()];
  let missing = 0;
  for (let first = 0; first < destinationBatches.length; first += FAN_OUT) {
    const sent = await Promise.all(
      destinationBatches
        .slice(first, first + FAN_OUT)
        .map((destinationBatch) => sendBatch(env, committed, destinationBatch)),
    );
    missing += sent.filter((isSent) => !isSent).length;
  }
  return missing === 0;
}

/** All that goes to each destination, in order: the same each time. */
function batchesByDestination(publishes: readonly HeldPublish[]): Map<string, DestinationBatch> {
  const destinationBatches = new Map<string, DestinationBatch>();
  for (const { bytes, shares: parts } of publishes) {
    const records = recordsOf(bytes);
    for (const { destination, indexes } of parts) {
      const { kind, place: index } = destination;
      const key = `${kind}/${index.id}/${kind === 'topic' ? destination.partition : ''}`;
      const destinationBatch = destinationBatches.get(key) ?? { destination, records: [] };
      destinationBatches.set(key, destinationBatch);
      for (const index of indexes ?? records.keys()) destinationBatch.records.push(records[index]!);
    }
  }
  return destinationBatches;
}

async function sendBatch(
  env: Env,
  committed: CommittedMessages,
  destinationBatch: DestinationBatch,
): Promise<boolean> {
  const { destination } = destinationBatch;
  try {
    let index = 0;
    for (const records of batchesOf(destinationBatch)) {
      const send = (version: number): Promise<boolean> =>
        destination.kind === 'queue'
          ? toQueue(env, committed, destination, version, records, index)
          : toPartition(env, committed, destination, version, records, index);
      if (!(await send(destination.version))) {
        const version = await currentVersion(env, destination);
        if (version === null) return true; // deleted, and the messages with it
        if (!(await send(version))) throw new Error('it has another definition by now');
      }
      index += records.length;
    }
    return true;
  } catch (error) {
    const { kind, place: index } = destination;
    console.error(
      `messages of a transaction did not reach ${kind} ${index.name}; they are sent again`,
      error,
    );
    return false;
  }
}

/** @returns false if the queue has another definition, or is gone. One that is full is sent to again. */
async function toQueue(
  env: Env,
  { transactionalId, producerId, epoch }: CommittedMessages,
  { place: queue }: MessageDestination,
  version: number,
  records: readonly LogRecord[],
  index: number,
): Promise<boolean> {
  const source = {
    name: `transaction ${transactionalId}#${producerId}`,
    firstNumber: messageNumber(epoch, index),
  };
  const published = await queueStub(env, queue).publish(version, encodeBatch(records), { source });
  if (isStale(published)) return false;
  if (isFailure(published)) throw new Error(published.message);
  if (published.exceptions.some(({ outcome }) => outcome === 'rejected')) {
    throw new Error('it is full; they wait for room');
  }
  return true;
}

/** @returns false if the topic has another definition, or is gone */
async function toPartition(
  env: Env,
  { topicProducerId, epoch }: CommittedMessages,
  destination: MessageDestination,
  version: number,
  records: readonly LogRecord[],
  baseSequence: number,
): Promise<boolean> {
  if (destination.kind !== 'topic' || topicProducerId === null) throw new Error('no producer for a topic');
  const bytes = encodeBatch(records, {
    producerId: topicProducerId,
    producerEpoch: epoch,
    baseSequence,
    isTransactional: false,
  });
  const { place: index, partition } = destination;
  const appended = await partitionStub(env, index, partition).append(version, bytes, { isHandedOn: true });
  if (isStale(appended)) return false;
  // Only this object sends them, in order: what is behind the last sequence is there already.
  if (isFailure(appended) && appended.code !== 'out_of_order_sequence') throw new Error(appended.message);
  return true;
}

async function currentVersion(env: Env, { kind, place: index }: MessageDestination): Promise<number | null> {
  const topology = topologyStub(env, index.namespace);
  const known =
    kind === 'queue' ? (await topology.queue(index.name)).queue : (await topology.topic(index.name)).topic;
  if (known === null || known.id !== index.id) return null;
  await topology.propagateOne(kind, index.name);
  return known.version;
}

function* batchesOf({ destination, records }: DestinationBatch): IterableIterator<LogRecord[]> {
  const bytesMax = destination.kind === 'topic' ? destination.bytesMax : BATCH_BYTES_MAX;
  let batch: LogRecord[] = [];
  let bytes = BATCH_OVERHEAD;
  for (const record of records) {
    const size = recordSizeUpperBound(record);
    if (batch.length > 0 && bytes + size > bytesMax) {
      yield batch;
      batch = [];
      bytes = BATCH_OVERHEAD;
    }
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function recordsOf(bytes: Uint8Array): LogRecord[] {
  const batches = splitBatches(bytes);
  if (isBatchFailure(batches)) throw new Error(batches.message);
  return batches.flatMap(({ at, header }) => {
    const records = decodeRecords(bytes, at, header);
    if (isBatchFailure(records)) throw new Error(records.message);
    return records;
  });
}
