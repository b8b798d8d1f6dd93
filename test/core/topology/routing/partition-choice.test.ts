/** The choice of partition: by key as Kafka, else where the sender says. */

import { expect, it } from 'vitest';
import { choosePartition, groupByPartition } from '../../../../core/topology/routing/partition-choice.ts';
import { partitionForKey } from '../../../../protocol/murmur2.ts';

const keyOf = (text: string): Uint8Array => new TextEncoder().encode(text);

it('sends a record with a key where Kafka does, and one without where the sender says', () => {
  for (const key of ['', 'a', 'order-1', 'order-2']) {
    expect(choosePartition(keyOf(key), 7, 5)).toBe(partitionForKey(keyOf(key), 7));
  }
  expect(choosePartition(null, 7, 5)).toBe(5);
});

it('groups by partition and keeps the order within each', () => {
  const keys = [null, 'a', 'b', null, 'a', 'b', 'c'].map((key) => (key === null ? null : keyOf(key)));
  const groups = groupByPartition(keys.keys(), (index) => keys[index]!, 4, 3);
  expect([...groups.values()].flat().sort()).toEqual([...keys.keys()]);
  for (const [partition, indexes] of groups) {
    expect(indexes).toEqual([...indexes].sort((a, b) => a - b));
    for (const index of indexes) expect(choosePartition(keys[index]!, 4, 3)).toBe(partition);
  }
});

it('makes no group of nothing', () => {
  expect(groupByPartition([], () => null, 4, 0).size).toBe(0);
});
