/** Destination addresses: the queue, or the partitions of a topic, that store the messages of a destination. */

import type { DestinationBatch } from '../../exchange/destination-batches.ts';
import { groupByPartition } from './partition-choice.ts';
import type { QueueDefinition } from '../queues/queues.ts';
import type { TopicAddress, TopicDefinition } from '../topics.ts';

/** The definitions of destinations by name, without those that were deleted. */
export interface Definitions {
  queues: Map<string, QueueDefinition>;
  topics: Map<string, TopicDefinition>;
}

/** Where messages are stored, as it was when they were routed. Transactions store it as JSON. */
export type DestinationAddress =
  | { kind: 'queue'; place: Pick<QueueDefinition, 'namespace' | 'name' | 'id'>; version: number }
  | { kind: 'topic'; place: TopicAddress; version: number; partition: number; bytesMax: number };

/** The messages of one address, by their positions. */
export interface AddressedBatch {
  destination: DestinationAddress;
  indexes: number[];
}

/**
 * @param keyless the partition of messages without a key, of so many
 * @returns nothing if the destination was deleted
 */
export function addressedBatches(
  { queues, topics }: Definitions,
  { destination: { kind, name }, indexes }: DestinationBatch,
  keyOf: (index: number) => Uint8Array | null,
  keyless: (partitions: number) => number,
): AddressedBatch[] {
  const queue = kind === 'queue' ? queues.get(name) : undefined;
  if (queue) {
    const { namespace, id, version } = queue;
    return [{ destination: { kind: 'queue', place: { namespace, name, id }, version }, indexes }];
  }
  const topic = kind === 'topic' ? topics.get(name) : undefined;
  if (!topic) return [];
  const { namespace, id, version } = topic;
  const { partitions, max_batch_bytes: bytesMax, jurisdiction, location_hint } = topic.config;
  const place = { namespace, name, id, config: { jurisdiction, location_hint } };
  const byPartition = groupByPartition(indexes, keyOf, partitions, keyless(partitions));
  return [...byPartition].map(([partition, ofPartition]) => ({
    destination: { kind: 'topic', place, version, partition, bytesMax },
    indexes: ofPartition,
  }));
}
