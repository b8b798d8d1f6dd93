/** Start positions: asks the partitions of a topic which offsets a place stands for. */

import type { PushPosition } from '../../../protocol/schemas/subscriptions.ts';
import type { PartitionReader, Place } from './partition-reader.ts';

/** Partitions asked at the same time. */
const FAN_OUT = 16;

export function placeOfPosition(position: PushPosition): Place {
  if (typeof position === 'number' || position === 'earliest' || position === 'latest') return position;
  return { timestampMs: Number(position.slice(1)) };
}

/** @returns null if the topic was deleted. A partition that is absent begins at its start */
export async function startOf(
  reader: PartitionReader,
  from: PushPosition,
): Promise<Map<number, number> | null> {
  if (from === 'earliest') return new Map();
  return await resolveAll(reader, from, [...Array(reader.topic.config.partitions).keys()]);
}

/** @returns null if the topic was deleted */
export async function resolveAll(
  reader: PartitionReader,
  to: PushPosition,
  partitions: readonly number[],
): Promise<Map<number, number> | null> {
  const positions = new Map<number, number>();
  for (let first = 0; first < partitions.length; first += FAN_OUT) {
    const some = partitions.slice(first, first + FAN_OUT);
    const offsets = await Promise.all(
      some.map((partition) => reader.resolve(partition, placeOfPosition(to))),
    );
    for (const [index, offset] of offsets.entries()) {
      if (offset === null) return null;
      positions.set(some[index]!, offset);
    }
  }
  return positions;
}
