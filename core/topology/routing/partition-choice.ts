/**
 * Choice of partition: a record with a key goes where Kafka puts its key; all records without a key of one publish go to
 * one partition, so that they share a batch.
 */

import { partitionForKey } from '../../../protocol/murmur2.ts';

/** @param keyless the partition of records without a key */
export function choosePartition(key: Uint8Array | null, partitions: number, keyless: number): number {
  return key === null ? keyless : partitionForKey(key, partitions);
}

/**
 * Groups items by the partition of their records. Items of a partition keep their order.
 * @param keyless the partition of records without a key
 */
export function groupByPartition<Item>(
  items: Iterable<Item>,
  keyOf: (item: Item) => Uint8Array | null,
  partitions: number,
  keyless: number,
): Map<number, Item[]> {
  return Map.groupBy(items, (item) => choosePartition(keyOf(item), partitions, keyless));
}
