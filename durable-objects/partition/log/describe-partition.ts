/** Description of a partition: builds the reply of its state. */

import type { PartitionDescription } from '../../rpc/partition.ts';
import type { DamageNotes } from '../../storage/damage-notes.ts';
import type { Cleanable } from './clean-up.ts';

/** @param object what the log itself does not know */
export function describePartition(
  { log, produced, damage }: Cleanable & { damage: DamageNotes },
  object: Pick<PartitionDescription, 'storageBytes' | 'waiting' | 'meter'>,
): PartitionDescription {
  return {
    ...log.offsets,
    lastStableOffset: produced.lastStableOffset,
    producers: produced.producerCount,
    sizeBytes: log.sizeBytes,
    coldBytes: log.coldBytes,
    segments: log.countSegments(),
    damagedBatches: damage.count,
    ...object,
  };
}
