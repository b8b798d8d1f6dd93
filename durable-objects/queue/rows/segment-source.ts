/** Source of what the queue machine asks of stored messages: rows, by way of the cache. */

import { readMetadata, type SegmentSource } from '../../../core/queue/state/message-metadata.ts';
import type { QueueStore } from './queue-store.ts';
import type { SegmentCache } from './segment-cache.ts';

export function segmentSource(store: QueueStore, cache: SegmentCache): SegmentSource {
  return {
    extentAt: (lane, offset) => store.extentAt(lane, offset),
    metadata: (extent) => {
      const records = cache.records(extent);
      return (offset) => readMetadata(records.get(offset)!);
    },
    isDamaged: (extent) => cache.isDamaged(extent),
  };
}
