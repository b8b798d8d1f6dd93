/** Inspection of a queue without changing it. */

import type { SegmentSource } from '../../../core/queue/state/message-metadata.ts';
import type { QueueMachine } from '../../../core/queue/state/queue-machine.ts';
import { readyIn } from '../../../core/queue/state/ready-messages.ts';
import type { LaneExtent } from '../../../core/queue/state/segment-state.ts';
import { DAMAGED_HEADER } from '../../../protocol/headers/message-headers.ts';
import { recordSizeUpperBound, type LogRecord } from '../../../protocol/record-batch/index.ts';

/** The next messages in the order of delivery, by lane. */
export function peek(
  state: QueueMachine,
  source: SegmentSource,
  recordsOf: (extent: LaneExtent) => ReadonlyMap<number, LogRecord>,
  max: number,
  bytesMax: number,
): { lane: number; records: LogRecord[] }[] {
  const found: { lane: number; records: LogRecord[] }[] = [];
  let left = max;
  let bytes = 0;
  for (let number = state.lanes.length - 1; number >= 0 && left > 0 && bytes < bytesMax; number--) {
    const lane = state.lanes[number];
    if (!lane) continue;
    const records: LogRecord[] = [];
    for (const { extent, offset } of readyIn(lane, source)) {
      if (left-- <= 0 || bytes >= bytesMax) break;
      const record = recordsOf(extent).get(offset)!;
      if (record.headers.some(({ key }) => key === DAMAGED_HEADER)) continue; // nobody will be given it
      records.push(record);
      bytes += recordSizeUpperBound(record);
    }
    if (records.length > 0) found.push({ lane: number, records });
  }
  return found;
}

export function oldestMs(state: QueueMachine, source: SegmentSource): number | null {
  let oldest = Infinity;
  for (const lane of state.lanes) {
    if (!lane) continue;
    for (const { extent, offset } of readyIn(lane, source)) {
      oldest = Math.min(oldest, source.metadata(extent)(offset).timestampMs);
      break;
    }
  }
  return oldest === Infinity ? null : oldest;
}

/** The leases of a consumer. */
export function leasesOf(state: QueueMachine, consumerId: string) {
  return state.lanes.flatMap((lane) =>
    (lane?.inFlight ?? []).flatMap((segment) =>
      segment.leases
        .filter((lease) => lease.consumerId === consumerId)
        .map(({ start, end }) => ({ lane: segment.extent.lane, segment, start, end })),
    ),
  );
}

/** The consumers that hold messages. */
export function holdersOf(state: QueueMachine): Set<string> {
  const segments = state.lanes.flatMap((lane) => lane?.inFlight ?? []);
  return new Set(segments.flatMap(({ leases }) => leases.map(({ consumerId }) => consumerId)));
}
