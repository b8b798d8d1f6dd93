/**
 * Storing in destinations: stores messages in all destinations at the same time. A queue takes its messages in one
 * call, a topic in one call for each partition. The record's key decides the partition, as for a produce.
 */

import type { DestinationBatch } from '../../core/exchange/destination-batches.ts';
import type { Definitions } from '../../core/topology/routing/destination-addresses.ts';
import { groupByPartition } from '../../core/topology/routing/partition-choice.ts';
import { checkTopicRecord } from '../../core/topology/topic-record.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { Published } from '../../durable-objects/rpc/queue.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { BATCH_BYTES_MAX } from '../../protocol/limits.ts';
import type { PublishRange } from '../../core/producers/gapped-sequences.ts';
import { callPartition } from '../calls/partition-call.ts';
import { callQueue } from '../calls/queue-call.ts';
import type { Outgoing } from './outgoing.ts';
import { Packer } from './packer.ts';
import { noteFull } from '../access/quotas/full-namespaces.ts';
import { publishLimitsOf } from '../access/directory-cache.ts';

/** What became of a message in a destination: where in a topic it is, or null if the destination is gone. */
export type Outcome = { partition?: number; offset?: number } | null | Failure;

/** Calls at the same time: a fanout to a thousand queues must not have all their bytes on the way at once. */
const CALLS_MAX = 64;
const CALLS_BYTES_MAX = 64 * 1024 * 1024;

interface Call {
  batch: number;
  /** Places in the share. */
  places: number[];
  send: () => Promise<Outcome[] | Failure>;
}

/**
 * The outcomes of the messages of each share, in its order. A destination that has gone since they were routed does not
 * fail them: had they come a moment earlier, they would have gone with it.
 * @param range the producer's, whose repetitions the destinations know; null for none
 */
export async function storeInDestinations(
  env: Env,
  batches: readonly DestinationBatch[],
  outgoing: readonly Outgoing[],
  definitions: Definitions,
  range: PublishRange | null,
): Promise<Outcome[][]> {
  const packer = new Packer(outgoing, range);
  const sticky = range ? stickyOf(range) : Math.random();
  const outcomes: Outcome[][] = batches.map(({ indexes }) => indexes.map(() => null));
  const calls = batches.flatMap((batch, number): Call[] => {
    const { kind, name } = batch.destination;
    if (kind === 'topic') {
      const topic = definitions.topics.get(name);
      return topic ? topicCalls(env, topic, batch, number, outgoing, packer, range, sticky) : [];
    }
    const queue = definitions.queues.get(name);
    return queue ? [queueCall(env, queue, batch, number, packer, range)] : [];
  });
  await eachLimited(calls, callsAtOnce(outgoing), async ({ batch, places, send }) => {
    const results = await send();
    if (isFailure(results) && isGone(results)) return;
    places.forEach((place, nth) => (outcomes[batch]![place] = isFailure(results) ? results : results[nth]!));
  });
  return outcomes;
}

/** A destination gets at most the whole publish. */
function callsAtOnce(outgoing: readonly Outgoing[]): number {
  let bytes = 1;
  for (const { record } of outgoing) bytes += record.value?.length ?? 0;
  return Math.min(CALLS_MAX, Math.max(4, Math.floor(CALLS_BYTES_MAX / bytes)));
}

/**
 * What a destination would refuse whatever its state, found before anything is stored anywhere. A record that is refused with the
 * trace context of its request, and not without, goes without.
 */
export function checkDestinations(
  batches: readonly DestinationBatch[],
  outgoing: readonly Outgoing[],
  { topics }: Definitions,
): Failure | null {
  for (const { destination, indexes } of batches) {
    const topic = destination.kind === 'topic' ? topics.get(destination.name) : undefined;
    if (topic === undefined) continue;
    for (const index of indexes) {
      const one = outgoing[index]!;
      const wrong = checkTopicRecord(topic, one.record);
      if (wrong && one.untraced && !checkTopicRecord(topic, one.untraced)) one.record = one.untraced;
      else if (wrong) return { ...wrong, details: { ...wrong.details, index, destination } };
    }
  }
  return null;
}

/** Where messages without a key go in each topic: for a repetition the same place again. From 0 to below 1. */
function stickyOf({ id, epoch, sequence }: PublishRange): number {
  let hash = 0x811c9dc5; // FNV-1a
  for (const part of [id, epoch, sequence])
    for (let left = part; left > 0; left = Math.floor(left / 256))
      hash = Math.imul(hash ^ (left % 256), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b); // the last step of murmur3, or neighbours stay neighbours
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

function queueCall(
  env: Env,
  queue: QueueDefinition,
  batch: DestinationBatch,
  number: number,
  packer: Packer,
  range: PublishRange | null,
): Call {
  const send = async (): Promise<Outcome[] | Failure> => {
    const bytes = packer.pack(batch.indexes, BATCH_BYTES_MAX);
    const indexes = batch.indexes.length === range?.count ? null : batch.indexes;
    const published = await callQueue<Published | Failure>(
      env,
      queue,
      async (stub, version) =>
        await stub.publish(version, bytes, {
          ...(range && { publish: { range, indexes } }),
          ...publishLimitsOf(queue.namespace),
        }),
    );
    noteFull(queue.namespace, published);
    if (isFailure(published))
      return published.code === 'queue_not_found' ? batch.indexes.map(() => ({})) : published;
    const outcomes: Outcome[] = batch.indexes.map(() => ({}));
    for (const { index, outcome } of published.exceptions) {
      if (outcome === 'rejected') {
        outcomes[index] = failure('queue_full', `queue "${queue.name}" is full and refuses messages`);
      }
    }
    return outcomes;
  };
  return { batch: number, places: [...batch.indexes.keys()], send };
}

function topicCalls(
  env: Env,
  topic: TopicDefinition,
  batch: DestinationBatch,
  number: number,
  outgoing: readonly Outgoing[],
  packer: Packer,
  range: PublishRange | null,
  sticky: number,
): Call[] {
  const { partitions, max_batch_bytes: bytesMax } = topic.config;
  const keyOf = (place: number): Uint8Array | null => outgoing[batch.indexes[place]!]!.record.key;
  const keyless = Math.floor(sticky * partitions);
  const byPartition = groupByPartition(batch.indexes.keys(), keyOf, partitions, keyless);
  return [...byPartition].map(([partition, places]) => ({
    batch: number,
    places,
    send: async () => {
      const indexes = places.map((place) => batch.indexes[place]!);
      const bytes = range ? packer.packSequenced(indexes, bytesMax) : packer.pack(indexes, bytesMax);
      const appended = await callPartition(env, topic, partition, (stub, version) =>
        stub.append(version, bytes, {
          ...(range && { publish: range }),
          ...publishLimitsOf(topic.namespace),
        }),
      );
      noteFull(topic.namespace, appended);
      if (isFailure(appended)) return appended;
      return appended.flatMap(({ baseOffset, recordCount }) =>
        Array.from({ length: recordCount }, (_, delta) => ({ partition, offset: baseOffset + delta })),
      );
    },
  }));
}

function isGone({ code }: Failure): boolean {
  return code === 'queue_not_found' || code === 'topic_not_found';
}

async function eachLimited<Item>(
  items: readonly Item[],
  limit: number,
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const work = async (): Promise<void> => {
    for (const item of rest) await action(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
}
